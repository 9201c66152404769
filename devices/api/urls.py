"""Routes about devices, below /api/v1/."""

from django.urls import path

from devices.api import views

urlpatterns = [
    path("provision/register", views.ProvisionView.as_view(), name="provision-register"),
    path("devices", views.DevicesView.as_view(), name="devices"),
    path("devices/claim", views.ClaimView.as_view(), name="device-claim"),
    path("devices/<str:uid>", views.DeviceView.as_view(), name="device"),
    path("devices/<str:uid>/token", views.DeviceCredentialView.as_view(), name="device-token"),
    path(
        "devices/<str:uid>/input-events",
        views.InputEventsView.as_view(),
        name="device-input-events",
    ),
]
