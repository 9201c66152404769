"""Every table is in the admin or has a reason not to be, and no list asks what would cost much."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import models

from kernel.admin import deeds, secrets
from kernel.admin.base import ReadOnlyAdmin
from kernel.admin.lists import BoundedPaginator

REGISTERED: dict[Any, Any] = dict(admin.site._registry)
LEFT_OUT = {
    "telemetry.readingwindow": "Django's admin takes no composite primary key",
    "admin.logentry": "nothing writes to it: the audit log tells what was done",
    "contenttypes.contenttype": "Django's own list of the models",
    "sessions.session": "its primary key is what a browser is signed in with",
}
_CHEAP = (models.BooleanField, models.DateTimeField)
LISTS = pytest.mark.parametrize(
    "model_admin", REGISTERED.values(), ids=[model._meta.label_lower for model in REGISTERED]
)


def test_every_model_is_registered_or_listed_with_a_reason() -> None:
    known = {model._meta.label_lower for model in apps.get_models()}
    registered = {model._meta.label_lower for model in REGISTERED}
    assert known - registered == LEFT_OUT.keys()
    assert registered <= known


@LISTS
def test_it_is_built_on_the_one_base_and_counts_no_further_than_it_pages(model_admin: Any) -> None:
    assert isinstance(model_admin, ReadOnlyAdmin)
    assert model_admin.paginator is BoundedPaginator
    assert not model_admin.show_full_result_count


@LISTS
def test_no_secret_is_shown_searched_or_filtered(model_admin: Any) -> None:
    secret = {field.name for field in model_admin.model._meta.fields if secrets.is_secret(field)}
    shown = set(model_admin.get_fields(_request())) if not _is_role(model_admin) else set()
    shown |= set(model_admin.list_display)
    searched = {name.split("__")[0] for name in model_admin.search_fields}
    filtered = {one if isinstance(one, str) else one[0] for one in _fields_of(model_admin)}
    assert not secret & (shown | searched | filtered)


@LISTS
def test_filters_ask_no_table_for_its_values(model_admin: Any) -> None:
    for one in _fields_of(model_admin):
        name, kind = (one, None) if isinstance(one, str) else one
        column = model_admin.model._meta.get_field(name)
        is_cheap = isinstance(column, _CHEAP) or column.choices
        assert is_cheap or kind is admin.EmptyFieldListFilter, name


@LISTS
def test_it_names_columns_that_are_there(model_admin: Any) -> None:
    columns = {field.name for field in model_admin.model._meta.fields}
    if model_admin.audited_as:
        assert model_admin.audited_as[1] in columns
    for link in model_admin.links:
        assert link in columns or "__" in link


def test_deeds_are_about_registered_models_and_told_before_they_are_done() -> None:
    registered = {model._meta.label_lower for model in REGISTERED}
    for deed in deeds.every():
        assert deed.model in registered
        assert deed.told.endswith((".", "anew."))


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("accounts.User", {"password"}),
        ("accounts.RefreshToken", {"token_hash"}),
        ("accounts.SocketTicket", {"ticket_hash"}),
        ("accounts.Invitation", {"token_digest"}),
        ("devices.DeviceCredential", {"key_hash", "lookup"}),
        ("devices.ClaimCode", {"code_digest"}),
        ("devices.ProvisioningKey", {"key_digest"}),
        ("devices.DeviceTransfer", {"code_digest"}),
        ("devices.BrokerAccount", {"salt", "password_hash"}),
        ("devices.Enrolment", {"seal_key", "seal_salt"}),
        ("devices.EnrolmentRow", {"sealed_secret"}),
        ("notifications.Channel", {"sealed_secret", "sealed_former_secret"}),
        ("kernel.IdempotencyRecord", {"key_digest", "fingerprint", "sealed_response"}),
        ("audit.AuditEntry", set()),
    ],
)
def test_what_counts_as_secret(label: str, names: set[str]) -> None:
    model = apps.get_model(label)
    assert {field.name for field in model._meta.fields if secrets.is_secret(field)} == names


def _fields_of(model_admin: Any) -> list[Any]:
    return [one for one in model_admin.list_filter if not isinstance(one, type)]


def _is_role(model_admin: Any) -> bool:
    return bool(model_admin.opts.label_lower == "auth.group")


def _request() -> Any:
    class Nobody:
        actor = None

    return Nobody()
