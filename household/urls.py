"""Paths of the app."""

from __future__ import annotations

from django.urls import path

from household.views import home

app_name = "household"

urlpatterns = [
    path("app", home.home, name="home"),
]
