"""Routes about commands, below /api/v1/."""

from django.urls import path

from commands.api import kind_views, request_views, views
from commands.api.explain_views import CommandExplanation

urlpatterns = [
    path("commands", views.Commands.as_view(), name="commands"),
    path("command-kinds", kind_views.KindsView.as_view(), name="command-kinds"),
    path("command-kinds/<str:name>", kind_views.KindView.as_view(), name="command-kind"),
    path("commands/<uuid:command_id>", views.CommandResource.as_view(), name="command"),
    path(
        "commands/<uuid:command_id>/explain",
        CommandExplanation.as_view(),
        name="command-explanation",
    ),
    path(
        "commands/<uuid:command_id>/history", views.CommandHistory.as_view(), name="command-history"
    ),
    path(
        "commands/<uuid:command_id>/cancel",
        request_views.CommandCancel.as_view(),
        name="command-cancel",
    ),
    path("devices/<str:uid>/commands", views.DeviceCommands.as_view(), name="device-commands"),
    path(
        "devices/<str:uid>/commands/preview",
        request_views.CommandPreview.as_view(),
        name="device-command-preview",
    ),
    path(
        "customer/devices/<str:uid>/commands",
        views.CustomerDeviceCommands.as_view(),
        name="customer-device-commands",
    ),
    path(
        "customer/devices/<str:uid>/commands/preview",
        request_views.CustomerCommandPreview.as_view(),
        name="customer-device-command-preview",
    ),
]
