"""Routes about commands, below /api/v1/."""

from django.urls import path

from commands.api import views

urlpatterns = [
    path("commands/<uuid:command_id>", views.CommandResource.as_view(), name="command"),
    path(
        "commands/<uuid:command_id>/history", views.CommandHistory.as_view(), name="command-history"
    ),
    path("devices/<str:uid>/commands", views.DeviceCommands.as_view(), name="device-commands"),
]
