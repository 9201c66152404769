"""Routes about exports, below /api/v1/."""

from django.urls import path

from exports.api import views

urlpatterns = [
    path("exports", views.ExportsView.as_view(), name="exports"),
    path("exports/<str:uid>", views.ExportView.as_view(), name="export"),
    path("exports/<str:uid>/file", views.ExportFileView.as_view(), name="export-file"),
]
