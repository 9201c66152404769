"""Paths of the console's pages and of what machines ask about the installation."""

from __future__ import annotations

from django.urls import path

from ops import health, metrics
from ops.views import (
    archive,
    claim,
    device,
    devices,
    enrolling,
    erasing,
    invitations,
    keys,
    lifecycle,
    people,
    sites,
    tenants,
    transfers,
)

app_name = "ops"

urlpatterns = [
    path("health", health.live, name="health"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", devices.devices, name="devices"),
    path("claim", claim.claim, name="claim"),
    path("devices/<str:uid>", device.device, name="device"),
    path("devices/<str:uid>/lives", archive.lives, name="device-lives"),
    path("devices/<str:uid>/unpair", lifecycle.unpair, name="device-unpair"),
    path("devices/<str:uid>/release", lifecycle.release, name="device-release"),
    path("devices/<str:uid>/rotate", lifecycle.rotate, name="device-rotate"),
    path("devices/<str:uid>/transfer", transfers.offer, name="device-transfer"),
    path("devices/<str:uid>/erase", erasing.erase, name="device-erase"),
    path("archive", archive.archive, name="archive"),
    path("transfers", transfers.transfers, name="transfers"),
    path("transfers/accept", transfers.accept, name="transfer-accept"),
    path("transfers/<str:uid>/cancel", transfers.cancel, name="transfer-cancel"),
    path("organisations/new", tenants.new_tenant, name="new-tenant"),
    path("sites", sites.sites, name="sites"),
    path("sites/new", sites.new_site, name="new-site"),
    path("sites/<str:site_id>", sites.site, name="site"),
    path("sites/<str:site_id>/edit", sites.edit_site, name="edit-site"),
    path("sites/<str:site_id>/remove", sites.remove_site, name="remove-site"),
    path("sites/<str:site_id>/register", sites.register_device, name="register-device"),
    path("keys", keys.keys, name="keys"),
    path("keys/new", keys.new_key, name="new-key"),
    path("keys/<str:uid>/revoke", keys.revoke_key, name="revoke-key"),
    path("enrol", enrolling.enrol, name="enrol"),
    path("enrol/<str:uid>", enrolling.enrolment, name="enrolment"),
    path("enrol/<str:uid>/start", enrolling.start, name="start-enrolment"),
    path("enrol/<str:uid>/cancel", enrolling.cancel, name="cancel-enrolment"),
    path("enrol/<str:uid>/keys", enrolling.keys, name="enrolment-keys"),
    path("people", people.people, name="people"),
    path("people/<str:uid>", people.tenant_people, name="tenant-people"),
    path("people/<str:uid>/name", people.rename, name="rename-tenant"),
    path("people/<str:uid>/invite", invitations.invite, name="invite"),
    path("people/<str:uid>/leave", people.leave, name="leave-tenant"),
    path("people/<str:uid>/hand-over", people.hand_over, name="hand-over"),
    path("people/<str:uid>/members/<str:user_uid>", people.member, name="member"),
    path("people/<str:uid>/members/<str:user_uid>/remove", people.remove, name="remove-member"),
    path(
        "people/<str:uid>/invitations/<str:invitation_uid>/revoke",
        invitations.revoke,
        name="revoke-invitation",
    ),
    path("invite/<str:token>", invitations.open_invitation, name="invitation"),
    path("invite/<str:token>/join", invitations.join, name="join"),
]
