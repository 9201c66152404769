"""Every route below /api/v1/."""

from django.urls import include, path

from devicelink.http.views import DeviceMetrics
from devices.api.authentication import DeviceKeyAuthentication

urlpatterns = [
    path("auth/", include("accounts.api.urls")),
    path("", include("accounts.api.admin_urls")),
    path("", include("accounts.api.tenant_urls")),
    # Before the devices: these would be taken for the uid of one.
    path("", include("telemetry.api.device_urls")),
    path("", include("devices.api.urls")),
    path("", include("relays.api.urls")),
    path("", include("commands.api.urls")),
    path(
        "analytics/device-metrics",
        DeviceMetrics.as_view(authentication_classes=(DeviceKeyAuthentication,)),
        name="device-metrics",
    ),
    path("", include("telemetry.api.urls")),
    path("", include("audit.api.urls")),
]
