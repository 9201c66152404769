"""Routes for the frame of the pages, below /api/v1/."""

from django.urls import path

from ops.api import views

urlpatterns = [
    path("palette", views.PaletteView.as_view(), name="palette"),
    path("work", views.WorkView.as_view(), name="work"),
]
