"""The kinds that a tenant allows itself, over the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.registry import account_erasers
from audit.models import AuditEntry
from commands.batch_types import BatchOrder
from commands.models import CommandBatch, CustomKind
from commands.services import batching, custom_kinds
from kernel.actors import Actor
from tests.accounts.people import assert_refused
from tests.factories.devices import make_device
from tests.factories.users import actor_of, client_of, make_user, sign_in, tenant_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]
KINDS = "/api/v1/command-kinds"
VOLUME = {
    "name": "custom.set_volume",
    "title": "Set volume",
    "schema": {
        "type": "object",
        "properties": {"volume": {"type": "integer", "minimum": 0, "maximum": 10}},
        "required": ["volume"],
    },
    "expires_in": 120,
}


def made(api: APIClient, **more: Any) -> Any:
    return api.post(KINDS, VOLUME | more, format="json")


def test_everything_that_can_be_asked_for_is_listed_with_its_schema(api: APIClient) -> None:
    assert made(api).status_code == 201
    shown = {kind["name"]: kind for kind in api.get(KINDS).json()}
    assert shown.keys() >= {
        "reboot", "update_config", "run_diagnostics", "ota_install", "set_relay", "set_all_relays",
        "custom.set_volume",
    }  # fmt: skip
    assert "custom" not in shown
    reboot, switch, own = (shown[name] for name in ("reboot", "set_relay", "custom.set_volume"))
    assert (reboot["delivery"], reboot["expires_in"], reboot["lane"]) == ("queue", 3600, "system")
    assert (switch["delivery"], switch["expires_in"], switch["lane"]) == ("now", 30, None)
    assert (own["expires_in"], own["is_custom"], own["schema"]) == (120, True, VOLUME["schema"])
    assert (shown["update_config"]["coalesce"], shown["ota_install"]["role"]) == (True, "admin")
    assert api.get(f"{KINDS}/REBOOT").json() == reboot
    assert api.get(f"{KINDS}/custom.set_volume").json() == own


def test_a_kind_of_ones_own_is_replaced_and_taken_back(api: APIClient) -> None:
    assert made(api).status_code == 201
    replaced = api.put(f"{KINDS}/custom.set_volume", {"title": "Louder"}, format="json")
    assert (replaced.json()["title"], replaced.json()["schema"]) == ("Louder", {})
    again = api.put(f"{KINDS}/custom.set_volume", {"title": "Louder"}, format="json")
    assert again.json() == replaced.json()
    assert api.delete(f"{KINDS}/custom.set_volume").status_code == 204
    assert_refused(api.get(f"{KINDS}/custom.set_volume"), 404, "not_found")
    assert_refused(api.delete(f"{KINDS}/custom.set_volume"), 404, "not_found")
    entries = AuditEntry.objects.unscoped("tests look at everything")
    about = entries.filter(target_type="command_kind", target_id="custom.set_volume")
    assert list(about.order_by("pk").values_list("action", flat=True)) == [
        "commands.kind.created",
        "commands.kind.updated",
        "commands.kind.deleted",
    ]


def test_a_name_is_taken_once_in_a_tenant(api: APIClient) -> None:
    assert made(api).status_code == 201
    assert_refused(made(api, name="Custom.Set-Volume"), 409, "command_kind_exists")
    other = client_of(sign_in(make_user()))
    assert_refused(other.get(f"{KINDS}/custom.set_volume"), 404, "not_found")
    assert_refused(other.put(f"{KINDS}/custom.set_volume", {}, format="json"), 404, "not_found")
    assert made(other).status_code == 201


@pytest.mark.parametrize("name", ["reboot", "custom.", "custom", "custom.a..b", "custom.ä", "custom." + "x" * 40])  # fmt: skip
def test_a_name_says_that_it_is_ones_own(api: APIClient, name: str) -> None:
    assert_refused(made(api, name=name), 400, "validation_error")


def test_a_schema_that_cannot_be_used_is_refused_with_a_pointer(api: APIClient) -> None:
    schema = {"type": "object", "properties": {"x": {"pattern": "(a+)+$"}}}
    refused = made(api, schema=schema)
    assert_refused(refused, 422, "invalid_schema")
    assert list(refused.json()["details"]) == ["/schema/properties/x/pattern"]
    assert_refused(made(api, expires_in=5), 400, "validation_error")


def test_an_erased_account_takes_the_kinds_and_the_words_of_its_batches_along(
    user: User, owner: Actor
) -> None:
    now = timezone.now()
    mine, other = actor_of(user), owner
    for actor in (mine, other):
        custom_kinds.create_kind(name="custom.own", actor=actor, now=now)
        batching.create_batch(
            order=BatchOrder(
                kind="custom.own",
                payload={"note": "secret"},
                target={"devices": [make_device(actor).uid]},
            ),
            actor=actor,
            now=now,
        )
    part = account_erasers()["commands"](user.pk, [tenant_of(mine)], now)
    assert part.is_done
    kinds = CustomKind.objects.unscoped("tests look at everything")
    assert [kind.tenant_id for kind in kinds] == [tenant_of(other)]
    batches = CommandBatch.objects.unscoped("tests look at everything").order_by("pk")
    assert [batch.payload for batch in batches] == [{}, {"note": "secret"}]
    assert [bool(batch.created_by) for batch in batches] == [False, True]


def test_a_tenant_has_room_for_so_many(
    api: APIClient, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom_kinds, "MAX_KINDS", 1)
    assert made(api).status_code == 201
    assert_refused(made(api, name="custom.two"), 409, "too_many_kinds")
