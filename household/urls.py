"""Paths of the app, and of what installs it."""

from __future__ import annotations

from django.urls import path

from household.views import activity, adding, device, family, home, installing, settings

app_name = "household"

urlpatterns = [
    path("app", home.home, name="home"),
    path("app/offline", installing.offline_page, name="offline"),
    path("app/activity", activity.activity, name="activity"),
    path("app/notifications", settings.notifications, name="notifications"),
    path("app/settings", settings.settings, name="settings"),
    path("app/family", family.mine, name="my-family"),
    path("app/family/<str:uid>", family.family, name="family"),
    path("app/family/<str:uid>/invite", family.invite, name="invite"),
    path("app/family/<str:uid>/members/<str:user_uid>", family.person, name="person"),
    path("app/family/<str:uid>/members/<str:user_uid>/remove", family.remove, name="remove-person"),
    path(
        "app/family/<str:uid>/invitations/<str:invitation_uid>/revoke",
        family.revoke,
        name="revoke-invitation",
    ),
    path("app/add", adding.add, name="add"),
    path("app/add/<str:uid>/name", adding.name, name="setup-name"),
    path("app/add/<str:uid>/room", adding.room, name="setup-room"),
    path("app/add/<str:uid>/test", adding.test, name="setup-test"),
    path("app/add/<str:uid>/done", adding.done, name="setup-done"),
    path("app/add/<str:uid>/leave", adding.leave, name="leave-setup"),
    path("app/devices/<str:uid>", device.device, name="device"),
    path("app/devices/<str:uid>/edit", device.edit, name="edit-device"),
    path("app/devices/<str:uid>/favourite", home.favourite, name="favourite"),
    path("app/devices/<str:uid>/unpair", device.unpair, name="unpair-device"),
    # What the QR code of a label says.
    path("claim", adding.scanned, name="scanned"),
    path("manifest.webmanifest", installing.manifest, name="manifest"),
    path("sw.js", installing.service_worker, name="service-worker"),
]
