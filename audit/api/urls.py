"""Paths under `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from audit.api import views

app_name = "audit_api"

urlpatterns = [
    path("audit", views.AuditEntries.as_view(), name="entries"),
    path("audit/verification", views.AuditVerification.as_view(), name="verification"),
]
