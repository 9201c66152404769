"""Routes about relays, below /api/v1/."""

from django.urls import path

from relays.api import views

urlpatterns = [
    path("devices/<str:uid>/relays", views.RelaysView.as_view(), name="relays"),
    path(
        "devices/<str:uid>/relays/commands",
        views.AllRelaysCommandsView.as_view(),
        name="relays-switch",
    ),
    path(
        "devices/<str:uid>/relays/<int:index>/commands",
        views.RelayCommandsView.as_view(),
        name="relay-switch",
    ),
]
