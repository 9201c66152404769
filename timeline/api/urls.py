"""Routes of the timeline, below /api/v1/."""

from django.urls import path

from timeline.api import views

urlpatterns = [
    path("devices/<str:uid>/timeline", views.TimelineView.as_view(), name="device-timeline"),
    path("devices/<str:uid>/why", views.WhyView.as_view(), name="device-why"),
]
