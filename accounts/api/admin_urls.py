"""Routes of platform administrators, and users' preferences, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from accounts.api import admin_views, preferences_views

urlpatterns = [
    path("preferences", preferences_views.PreferencesView.as_view(), name="preferences"),
    path("admin/users", admin_views.AdminUsersView.as_view(), name="admin-users"),
    path("admin/users/<str:uid>", admin_views.AdminUserView.as_view(), name="admin-user"),
    path("admin/tenants", admin_views.AdminTenantsView.as_view(), name="admin-tenants"),
]
