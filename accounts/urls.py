"""Paths of the login pages and of the choice of a tenant."""

from __future__ import annotations

from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("login", views.log_in, name="login"),
    path("login/refresh", views.refresh, name="refresh"),
    path("login/out", views.log_out, name="logout-late"),
    path("logout", views.log_out, name="logout"),
    path("tenant", views.choose_tenant_page, name="choose-tenant"),
]
