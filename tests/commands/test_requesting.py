"""Asking a device for anything through the one door."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from accounts.choices import Role
from commands import errors, registry
from commands.models import Command, CommandEvent
from commands.services import custom_kinds, requesting
from commands.types import CommandView
from devices.errors import DeviceArchived, DeviceOffline
from devices.models import DeviceCapability, DeviceConfig
from devices.services import unpairing
from edge.protocol.messages import Command as CommandMessage
from kernel import errors as kernel_errors
from kernel.actors import Actor
from relays.errors import NoSuchRelay
from tests.commands import ledger
from tests.commands.ledger import START, answer, at, commands_of, pull, row_of
from tests.factories.devices import Board, make_device
from tests.factories.users import make_actor

pytestmark = pytest.mark.core


def ask(owner: Actor, board: Board, kind: str, payload: Any = None, **more: Any) -> CommandView:
    given = {"now": START, "actor": owner, **more}
    return requesting.request_command(
        device_uid=board.uid, kind=kind, payload={} if payload is None else payload, **given
    )


@pytest.mark.parametrize("spelling", ["REBOOT", "reboot", " Reboot "])
def test_a_command_waits_for_its_device_in_whatever_way_its_kind_is_spelled(
    owner: Actor, spelling: str
) -> None:
    away = make_device(owner, now=START)
    asked = ask(owner, away, spelling)
    assert (asked.kind, asked.state, asked.delivery) == ("reboot", "queued", "queue")
    assert asked.expires_at - asked.created_at == timedelta(hours=1)
    assert asked.cause == [owner.as_cause()]


def test_it_goes_over_the_wire_under_its_name(owner: Actor, board: Board) -> None:
    asked = ask(owner, board, "REBOOT", {"delay_s": 5})
    assert pull(board, START) == [
        CommandMessage(
            command_id=asked.id, kind="reboot", payload={"delay_s": 5}, expires_at=asked.expires_at
        )
    ]


def test_what_must_not_be_interrupted_goes_in_order(owner: Actor, board: Board) -> None:
    first = ask(owner, board, "run_diagnostics")
    then = ask(owner, board, "reboot")
    beside = ask(owner, board, "Set-Relay", {"relay_index": 1, "toggle": True})
    assert [one.command_id for one in pull(board, START)] == [first.id, beside.id]
    answer(board, first.id, at(1))
    assert [one.command_id for one in pull(board, at(1))] == [then.id]


def test_a_relay_switches_by_either_door(owner: Actor, board: Board) -> None:
    waiting = ask(owner, board, "set_relay", {"relay_index": 0, "is_on": True})
    newer = ask(owner, board, "SET_RELAY", {"relay_index": 0, "toggle": True})
    assert newer.payload == {"relay_index": 0, "is_on": False}
    assert (newer.delivery, newer.expires_at) == ("now", at(30))
    assert row_of(waiting.id).reason == f"superseded_by:{newer.id}"
    (message,) = pull(board, START)
    answer(board, message.command_id, at(1), (0, False))
    assert board.positions()[0] is False


def test_both_wishes_are_kept_when_that_is_asked_for(owner: Actor, board: Board) -> None:
    first = ask(owner, board, "set_relay", {"relay_index": 0, "is_on": True})
    ask(owner, board, "set_relay", {"relay_index": 0, "is_on": False}, coalesce=False)
    assert row_of(first.id).state == "queued"


def test_only_its_own_kind_is_made_superfluous(owner: Actor) -> None:
    away = make_device(owner, now=START)
    install = ask(owner, away, "run_diagnostics")
    once = ask(owner, away, "reboot", {"delay_s": 1})
    again = ask(owner, away, "reboot", coalesce=True)
    assert row_of(once.id).reason == f"superseded_by:{again.id}"
    assert row_of(install.id).state == "queued"


def test_a_relay_that_is_not_there_is_refused(owner: Actor, board: Board) -> None:
    with pytest.raises(NoSuchRelay):
        ask(owner, board, "set_relay", {"relay_index": 4, "is_on": True})
    bare = make_device(owner, relay_count=0, now=START)
    with pytest.raises(NoSuchRelay):
        ask(owner, bare, "set_all_relays", {"is_on": True}, delivery="queue")


@pytest.mark.parametrize(
    ("kind", "payload", "pointers"),
    [
        ("set_relay", {"is_on": True}, ["/payload/relay_index"]),
        ("set_relay", {"relay_index": 1.0, "is_on": True}, ["/payload/relay_index"]),
        ("set_relay", {"relay_index": 0}, ["/payload"]),
        ("set_relay", {"relay_index": 0, "is_on": True, "toggle": True}, ["/payload"]),
        ("reboot", {"delay": 3}, ["/payload/delay"]),
        ("reboot", {"delay_s": -1}, ["/payload/delay_s"]),
        ("update_config", {"config": {}}, ["/payload/config"]),
        ("update_config", {"config": [1]}, ["/payload/config"]),
        ("run_diagnostics", {"checks": ["disk", "No!"]}, ["/payload/checks/1"]),
        ("run_diagnostics", ["disk"], ["/payload"]),
        ("run_diagnostics", {"checks": ["x" * 17_000]}, ["/payload"]),
        (
            "ota_install",
            {"version": "2", "url": "http://x.example", "sha256": "F" * 64},
            ["/payload/sha256", "/payload/url"],
        ),
    ],
)
def test_a_wrong_payload_is_refused_with_a_pointer_to_each_field(
    owner: Actor, board: Board, kind: str, payload: Any, pointers: list[str]
) -> None:
    with pytest.raises(errors.InvalidPayload) as refused:
        ask(owner, board, kind, payload)
    assert sorted(refused.value.details) == pointers
    assert commands_of(board) == []


@pytest.mark.parametrize("name", ["fly", "custom", "custom.unheard_of", "", "x" * 60])
def test_a_kind_that_is_not_there_is_refused(owner: Actor, board: Board, name: str) -> None:
    with pytest.raises(errors.UnknownKind):
        ask(owner, board, name)


@pytest.mark.parametrize(
    "more", [{"delivery": "soon"}, {"expires_in_s": 0}, {"expires_in_s": 31 * 86_400}]
)
def test_delivery_and_lifetime_have_bounds(
    owner: Actor, board: Board, more: dict[str, Any]
) -> None:
    with pytest.raises(kernel_errors.ValidationFailed):
        ask(owner, board, "reboot", **more)


def test_nothing_is_written_for_a_device_that_is_not_there_now(owner: Actor) -> None:
    away = make_device(owner, now=START)
    with pytest.raises(DeviceOffline):
        ask(owner, away, "update_config", {"config": {"a": 1}}, delivery="now")
    assert commands_of(away) == []
    assert not DeviceConfig.objects.unscoped("tests look at everything").exists()


def test_a_configuration_is_merged_and_sent_whole(owner: Actor, board: Board) -> None:
    first = ask(owner, board, "update_config", {"config": {"a": {"b": 1, "c": 2}}})
    second = ask(owner, board, "UPDATE_CONFIG", {"config": {"a": {"b": None}}})
    assert row_of(first.id).reason == f"superseded_by:{second.id}"
    (message,) = pull(board, START)
    assert message.payload["version"] == second.payload["version"] == first.payload["version"] + 1
    assert message.payload["config"]["config"] == {"a": {"c": 2}}


def test_a_device_that_says_what_it_can_do_is_asked_for_nothing_else(
    owner: Actor, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = registry.kind_named("reboot")
    monkeypatch.setitem(registry._kinds, "reboot", replace(known, capability="infrared"))
    with pytest.raises(errors.NotSupported) as refused:
        ask(owner, board, "reboot")
    assert refused.value.details == {"capability": "infrared", "capabilities": ["relay"]}
    rows = DeviceCapability.objects.unscoped("tests look at everything")
    rows.filter(device_id=board.device_id).delete()
    assert ask(owner, board, "reboot").state == "queued"


def test_a_full_queue_refuses_and_says_what_fills_it(owner: Actor, settings: Any) -> None:
    settings.COMMAND_QUEUE_LIMIT = 3
    away = make_device(owner, now=START)
    oldest = ask(owner, away, "reboot")
    ask(owner, away, "update_config", {"config": {"a": 1}})
    ask(owner, away, "run_diagnostics", expires_in_s=60)
    with pytest.raises(errors.QueueFull) as refused:
        ask(owner, away, "reboot", now=at(1))
    assert refused.value.details["oldest"]["id"] == oldest.id
    assert (refused.value.details["open"], refused.value.details["limit"]) == (3, 3)
    assert len(commands_of(away)) == 3
    replaced = ask(owner, away, "update_config", {"config": {"a": 2}})
    assert replaced.state == "queued"


def test_a_device_that_never_answers_one_kind_is_not_closed_to_others(
    owner: Actor, settings: Any
) -> None:
    settings.COMMAND_QUEUE_LIMIT = 2
    away = make_device(owner, now=START)

    def give_up() -> None:
        rows = Command.objects.unscoped("tests look at everything")
        rows.filter(device_id=away.device_id).update(state="timed_out", timeout_at=None)

    for _ in range(4):
        for _ in range(2):
            ask(owner, away, "reboot")
        give_up()
    with pytest.raises(errors.QueueFull) as refused:
        ask(owner, away, "reboot")
    assert refused.value.details["open"] == 8


def test_each_kind_has_its_least_role(owner: Actor, board: Board) -> None:
    release = {"version": "2", "url": "https://x.example/2", "sha256": "f" * 64}
    (tenant_id,) = owner.roles

    def as_(role: str) -> Actor:
        return replace(owner, roles=MappingProxyType({tenant_id: role}))

    for role, kind, payload in (
        (Role.VIEWER, "reboot", {}),
        (Role.OPERATOR, "ota_install", release),
    ):
        with pytest.raises(kernel_errors.PermissionDenied):
            ask(as_(role), board, kind, payload)
    assert ask(as_(Role.OPERATOR), board, "reboot").state == "queued"
    assert ask(as_(Role.ADMIN), board, "ota_install", release).state == "queued"
    assert ask(Actor.system("rules"), board, "reboot").cause[-1]["id"] == "rules"


def test_strangers_and_the_past_are_refused(owner: Actor, board: Board) -> None:
    with pytest.raises(kernel_errors.NotFound):
        ask(make_actor(), board, "reboot")
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=START)
    with pytest.raises(DeviceArchived):
        ask(owner, board, "reboot")
    assert not CommandEvent.objects.filter(command__device_id=board.device_id).exists()


def test_a_kind_of_the_tenants_own_is_for_that_tenant(owner: Actor, board: Board) -> None:
    schema = {"type": "object", "required": ["level"]}
    custom_kinds.create_kind(
        name="custom.Volume", schema=schema, lifetime_s=60, actor=owner, now=START
    )
    asked = ask(owner, board, "CUSTOM.VOLUME", {"level": 3})
    assert (asked.kind, asked.expires_at) == ("custom.volume", at(60))
    (message,) = pull(board, START)
    assert (message.kind, message.payload) == ("custom.volume", {"level": 3})
    with pytest.raises(errors.InvalidPayload):
        ask(owner, board, "custom.volume")
    with pytest.raises(errors.InvalidPayload):
        ask(owner, board, "custom.volume", {"level": list(range(600))})
    other = make_actor()
    with pytest.raises(errors.UnknownKind):
        ask(other, make_device(other, now=START), "custom.volume", {"level": 3})
    custom_kinds.delete_kind(name="custom.volume", actor=owner, now=at(1))
    answer(board, asked.id, at(2))
    assert row_of(asked.id).state == "succeeded"


def test_commands_of_all_kinds_live_in_one_history(owner: Actor, board: Board) -> None:
    asked = ask(owner, board, "reboot", cause=[{"kind": "system", "id": "rule-1"}])
    assert [link["id"] for link in asked.cause] == ["rule-1", owner.id]
    assert ledger.moves_of(asked.id) == [("queued", "")]
    assert Command.objects.visible_to(owner).get(uid=asked.id).tenant_id in owner.roles
