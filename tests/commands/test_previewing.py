"""What would happen: told by doing it and undoing it."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from audit.models import AuditEntry
from commands.models import CommandEvent
from commands.services import previewing
from commands.services.previewing import preview_command
from commands.types import Preview
from devices.models import DeviceConfig
from devices.services import unpairing
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.unit_of_work import rehearsal, unit_of_work
from tests.commands import ledger
from tests.commands.ledger import START, at, commands_of, pull
from tests.commands.test_requesting import ask
from tests.factories.devices import Board, make_device
from tests.factories.users import make_actor, tenant_of

pytestmark = pytest.mark.core


def preview(owner: Actor, board: Board, kind: str, payload: Any = None, **more: Any) -> Preview:
    given = {"now": START, "actor": owner, **more}
    return preview_command(
        device_uid=board.uid, kind=kind, payload={} if payload is None else payload, **given
    )


def test_a_device_that_is_there_gets_it_at_once(owner: Actor, board: Board) -> None:
    told = preview(owner, board, "Set-Relay", {"relay_index": 0, "toggle": True})
    assert (told.verdict, told.delivery) == (previewing.SEND, "now")
    assert told.payload == {"relay_index": 0, "is_on": True}
    assert (told.lane, told.expires_at, told.waits_for) == ("relay:0", at(30), ())
    assert told.message == "It goes to the device at once."


def test_a_device_that_is_away_gets_it_later_or_not_at_all(owner: Actor) -> None:
    away = make_device(owner, now=START)
    told = preview(owner, away, "REBOOT", expires_in_s=60)
    assert (told.verdict, told.kind, told.expires_at) == (previewing.QUEUE, "reboot", at(60))
    assert told.is_reachable is False
    assert told.message.startswith(f"It waits until {at(60).isoformat()} for the device")
    told = preview(owner, away, "reboot", delivery="now")
    assert (told.verdict, told.code, told.status) == (previewing.REFUSE, "device_offline", 409)


def test_it_names_what_goes_before_it_and_what_it_makes_superfluous(
    owner: Actor, board: Board
) -> None:
    on_its_way = ask(owner, board, "run_diagnostics")
    pull(board, START)
    waiting = ask(owner, board, "reboot")
    told = preview(owner, board, "reboot", {"delay_s": 3}, coalesce=True)
    assert [other.id for other in told.waits_for] == [on_its_way.id]
    assert [(other.id, other.state) for other in told.supersedes] == [(waiting.id, "queued")]
    assert told.verdict == previewing.QUEUE
    assert "for run_diagnostics (sent), which goes before it" in told.message
    assert ledger.row_of(waiting.id).state == "queued"


@pytest.mark.parametrize(
    ("kind", "payload", "code", "status", "details"),
    [
        ("fly", {}, "unknown_kind", 422, ["/kind"]),
        ("reboot", {"delay": 3}, "invalid_payload", 422, ["/payload/delay"]),
        ("set_relay", {"relay_index": 9, "is_on": True}, "not_found", 404, []),
        ("update_config", {"config": {"a": 1}}, "permission_denied", 403, []),
    ],
)
def test_a_refusal_is_told_as_the_request_would_get_it(
    owner: Actor, board: Board, kind: str, payload: Any, code: str, status: int, details: list[str]
) -> None:
    if status == 403:
        owner = replace(owner, roles=MappingProxyType(dict.fromkeys(owner.roles, "viewer")))
    told = preview(owner, board, kind, payload)
    assert (told.verdict, told.code, told.status) == (previewing.REFUSE, code, status)
    assert list(told.details) == details
    assert told.message


def test_nothing_of_it_stays(owner: Actor, board: Board) -> None:
    entries = AuditEntry.objects.unscoped("tests look at everything")
    before = (entries.count(), ledger.live_kinds(tenant_of(owner)))
    assert preview(owner, board, "update_config", {"config": {"a": 1}}).payload
    assert (entries.count(), ledger.live_kinds(tenant_of(owner))) == before
    assert commands_of(board) == []
    assert not CommandEvent.objects.filter(command__device_id=board.device_id).exists()
    assert not DeviceConfig.objects.unscoped("tests look at everything").exists()
    # What was pending in the rehearsal is not written by the next unit of work.
    ask(owner, board, "reboot")
    assert entries.count() == before[0]


def test_strangers_learn_nothing_and_an_archive_says_that_it_is_one(
    owner: Actor, board: Board
) -> None:
    with pytest.raises(NotFound):
        preview(make_actor(), board, "reboot")
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=START)
    assert preview(owner, board, "reboot").code == "device_archived"


def test_a_rehearsal_is_never_a_part_of_something_real(db: None) -> None:
    with pytest.raises(RuntimeError), unit_of_work(), rehearsal():
        pass
    with pytest.raises(KeyError), rehearsal():
        raise KeyError
