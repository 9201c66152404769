"""Audit log and ledger refuse every write by everybody, and so does every other table."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from audit.models import AuditEntry, Verification
from commands.models import BatchMember, Command, CommandBatch, CommandEvent
from tests.accounts import people
from tests.admin.world import (
    give_everything,
    list_address,
    make_staff,
    model_admins,
    row_address,
    rows_of,
)
from tests.factories.users import actor_of
from tests.permissions.world import World

pytestmark = pytest.mark.django_db
CLOSED = (AuditEntry, Verification, Command, CommandEvent, CommandBatch, BatchMember)


def _facts(model: Any) -> list[Any]:
    # Signing in and being made staff are told in the audit log.
    return list(rows_of(model).order_by("pk").values())


@pytest.mark.parametrize("who", ["administrator", "staff"])
def test_audit_and_ledger_are_never_written(world: World, who: str) -> None:
    if who == "staff":
        browser = make_staff(world, world.near.people["operator"])
        give_everything(world.near.people["operator"])
    else:
        browser = people.browser_of(world.administrator, raise_request_exception=False)
    for model in CLOSED:
        before = _facts(model)
        row = rows_of(model).first()
        assert row is not None
        form = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
        attempts = [
            browser.post(f"{list_address(model)}add/", {"kind": "x"}),
            browser.post(row_address(row).replace("/change/", "/delete/"), {"post": "yes"}),
            browser.post(row_address(row), {"kind": "x", "action": "x", "_save": "Save"}),
            browser.post(list_address(model), form),
        ]
        assert [one.status_code for one in attempts[:2]] == [404, 404], model
        assert attempts[2].status_code in {302, 403}, model
        assert attempts[3].status_code in {200, 302, 403}, model
        assert _facts(model) == before, model


def test_no_table_but_that_of_roles_can_be_added_to_changed_or_emptied(world: World) -> None:
    request: Any = SimpleNamespace(
        user=world.administrator, actor=actor_of(world.administrator), GET={}
    )
    for model, model_admin in model_admins().items():
        may_write = model._meta.label_lower == "auth.group"
        assert model_admin.has_add_permission(request) is may_write
        assert model_admin.has_change_permission(request) is may_write
        assert not model_admin.has_delete_permission(request)
        assert "delete_selected" not in model_admin.get_actions(request)
