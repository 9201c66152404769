"""Routes about the fleet as a whole, below /api/v1/."""

from django.urls import path

from fleet.api import views

urlpatterns = [
    path("fleet/overview", views.OverviewView.as_view(), name="fleet-overview"),
    path("fleet/attention", views.AttentionView.as_view(), name="fleet-attention"),
    path("fleet/trends", views.TrendsView.as_view(), name="fleet-trends"),
]
