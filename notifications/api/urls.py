"""Routes about notifications, below /api/v1/."""

from django.urls import path

from notifications.api import views

_ONE = "notification-channels/<str:uid>"

urlpatterns = [
    path("notification-channels", views.ChannelsView.as_view(), name="notification-channels"),
    path(_ONE, views.ChannelView.as_view(), name="notification-channel"),
    path(f"{_ONE}/test", views.ChannelTestView.as_view(), name="notification-channel-test"),
    path(
        f"{_ONE}/rotate-secret",
        views.ChannelSecretView.as_view(),
        name="notification-channel-secret",
    ),
    path(
        f"{_ONE}/deliveries",
        views.ChannelDeliveriesView.as_view(),
        name="notification-channel-deliveries",
    ),
]
