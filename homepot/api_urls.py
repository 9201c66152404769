"""Every route below /api/v1/."""

from django.urls import include, path

from devicelink.http.pending_views import CommandResult, PendingCommands
from devicelink.http.views import DeviceMetrics
from devicelink.mqtt.views import MqttAccountView
from devices.api.authentication import DeviceKeyAuthentication

urlpatterns = [
    path("auth/", include("accounts.api.urls")),
    path("", include("accounts.api.admin_urls")),
    path("", include("accounts.api.tenant_urls")),
    # Before the devices: these would be taken for the uid of one.
    path("", include("telemetry.api.device_urls")),
    path(
        "devices/self/mqtt",
        MqttAccountView.as_view(authentication_classes=(DeviceKeyAuthentication,)),
        name="device-self-mqtt",
    ),
    path(
        "devices/pending",
        PendingCommands.as_view(authentication_classes=(DeviceKeyAuthentication,)),
        name="device-pending",
    ),
    path(
        "devices/commands/<str:command_id>/result",
        CommandResult.as_view(authentication_classes=(DeviceKeyAuthentication,)),
        name="device-command-result",
    ),
    path("", include("devices.api.urls")),
    path("", include("timeline.api.urls")),
    path("", include("twins.api.urls")),
    path("", include("infrared.api.urls")),
    path("", include("groups.api.urls")),
    path("", include("fleet.api.urls")),
    path("", include("exports.api.urls")),
    path("", include("relays.api.urls")),
    path("command-batches", include("commands.api.batch_urls")),
    path("", include("commands.api.urls")),
    path("", include("notifications.api.urls")),
    path(
        "analytics/device-metrics",
        DeviceMetrics.as_view(authentication_classes=(DeviceKeyAuthentication,)),
        name="device-metrics",
    ),
    path("", include("telemetry.api.urls")),
    path("", include("audit.api.urls")),
    path("", include("ops.api.urls")),
]
