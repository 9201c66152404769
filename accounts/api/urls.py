"""Routes under /api/v1/auth/."""

from __future__ import annotations

from django.urls import path

from accounts.api import erasure_views, views

urlpatterns = [
    path("register", views.RegisterView.as_view(), name="auth-register"),
    path("login", views.LoginView.as_view(), name="auth-login"),
    path("refresh", views.RefreshView.as_view(), name="auth-refresh"),
    path("logout", views.LogoutView.as_view(), name="auth-logout"),
    path("password", views.PasswordView.as_view(), name="auth-password"),
    path("me", views.MeView.as_view(), name="auth-me"),
    path("me/erase", erasure_views.MyErasureView.as_view(), name="auth-me-erase"),
    path("erasures/<str:uid>", erasure_views.ErasureView.as_view(), name="auth-erasure"),
    path("sessions", views.SessionsView.as_view(), name="auth-sessions"),
    path("sessions/<str:uid>", views.SessionView.as_view(), name="auth-session"),
    path("ws-ticket", views.SocketTicketView.as_view(), name="auth-ws-ticket"),
]
