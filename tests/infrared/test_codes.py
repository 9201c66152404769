"""Codes: brought by people, learnt by devices, sent by name."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from audit.models import AuditEntry
from commands.errors import InvalidPayload, NotSupported
from commands.services import cancelling, requesting
from commands.types import CommandView
from devices import errors as device_errors
from devices.models import DeviceCapability
from devices.services import erasing, unpairing
from edge.protocol.messages import AckStatus, IrLearned
from infrared import errors, selectors
from infrared.models import DeviceIrCode
from infrared.services import codes, learning
from infrared.types import IrCodeInput, IrCodeView
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied, ValidationFailed
from tests.commands.ledger import START, answer, at, live_kinds, pull, row_of
from tests.factories.devices import Board, connected_device, make_device, reconnected
from tests.factories.users import make_actor, tenant_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]
WHY = "tests look at everything"
PRONTO = "0000 006D 0002 0002 0156 00AC 0016 0689 0156 0056 0016 0689"
TIMINGS = (9_000, 4_500, 560, 44_000)


@pytest.fixture
def board(owner: Actor) -> Board:
    """An infrared hub of the owner's that is connected."""
    made = connected_device(owner, now=START)
    DeviceCapability.objects.unscoped(WHY).filter(device_id=made.device_id).update(name="infrared")
    return made


def bring(owner: Actor, board: Board, name: str = "TV on", **given: Any) -> IrCodeView:
    """Have a code kept."""
    signal = given or {"frequency_hz": 38_000, "timings": list(TIMINGS)}
    return codes.create_code(
        device_uid=board.uid, given=IrCodeInput(name=name, **signal), actor=owner, now=START
    )


def ask(owner: Actor, board: Board, kind: str, **payload: Any) -> CommandView:
    """Ask the device for something."""
    return requesting.request_command(
        device_uid=board.uid, kind=kind, payload=payload, actor=owner, now=START
    )


def learn(owner: Actor, board: Board, name: str = "TV on") -> str:
    """Have the device listen; returns the command's id."""
    asked = ask(owner, board, "ir_learn", name=name)
    assert [message.command_id for message in pull(board, START)] == [asked.id]
    return asked.id


def hears(board: Board, command_id: str, *timings: int) -> str | None:
    """The device tells what it received."""
    message = IrLearned(command_id, 38_000, timings or TIMINGS)
    return learning.record_learned(
        device_id=board.device_id, epoch=board.epoch, message=message, now=at(3)
    )


def names(board: Board) -> list[str]:
    """What the device's codes are called."""
    rows = DeviceIrCode.objects.unscoped(WHY).filter(device_id=board.device_id)
    return list(rows.order_by("pk").values_list("name", flat=True))


def test_a_code_is_kept_whichever_way_it_is_written(owner: Actor, board: Board) -> None:
    brought = bring(owner, board, pronto=PRONTO.lower())
    assert (brought.pronto, brought.frequency_hz, brought.repeat_from) == (PRONTO, 38_029, 4)
    typed = bring(owner, board, "TV off", frequency_hz=38_000, timings=list(TIMINGS))
    assert (typed.timings, typed.source, typed.created_by) == (TIMINGS, "imported", owner.label)
    assert (typed.pronto or "").startswith("0000 006D 0002 0000 0156 00AB")
    found = selectors.code_by_uid(actor=owner, device_uid=board.uid, uid=uuid.UUID(brought.uid))
    assert found == brought
    assert live_kinds(tenant_of(owner)).count("ir_codes_changed") >= 2


def test_a_signal_without_pronto_words_is_kept_as_it_is(owner: Actor, board: Board) -> None:
    odd = bring(owner, board, frequency_hz=950_000, timings=[5, 6, 7])
    assert (odd.pronto, odd.timings) == (None, (5, 6, 7))


@pytest.mark.parametrize(
    ("given", "pointers"),
    [
        ({"pronto": "0100 0000 0001 0000 0010 0010"}, ["/pronto"]),
        ({"pronto": PRONTO, "timings": [1, 2]}, ["/pronto"]),
        ({"timings": [1, 0]}, ["/frequency_hz", "/timings/1"]),
        ({"frequency_hz": 38_000, "timings": [1, 2], "repeat_from": 1}, ["/repeat_from"]),
        ({"pronto": PRONTO, "repeat": 21}, ["/repeat"]),
        ({"pronto": PRONTO, "protocol": "x" * 41}, ["/protocol"]),
        ({"pronto": PRONTO, "name": "  "}, ["/name"]),
    ],
)
def test_what_is_wrong_is_pointed_at_and_nothing_is_kept(
    owner: Actor, board: Board, given: dict[str, Any], pointers: list[str]
) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        bring(owner, board, **({"name": "TV on"} | given))
    assert list(refusal.value.details) == pointers
    assert names(board) == []


def test_a_name_is_the_devices_only_one(owner: Actor, board: Board) -> None:
    bring(owner, board)
    with pytest.raises(errors.IrCodeExists):
        bring(owner, board, " TV on ")
    other = bring(owner, board, "TV off")
    with pytest.raises(errors.IrCodeExists):
        change(owner, board, other, name="TV on")
    bring(owner, make_device(owner, now=START))


def change(owner: Actor, board: Board, code: IrCodeView, **given: Any) -> IrCodeView:
    """Edit a code."""
    return codes.update_code(
        device_uid=board.uid,
        uid=uuid.UUID(code.uid),
        given=IrCodeInput(**given),
        actor=owner,
        now=at(9),
    )


def test_a_code_is_changed_and_forgotten(owner: Actor, board: Board) -> None:
    code = bring(owner, board)
    renamed = change(owner, board, code, name="Beamer", repeat=3)
    assert (renamed.name, renamed.repeat, renamed.timings) == ("Beamer", 3, TIMINGS)
    assert change(owner, board, code, name="Beamer") == renamed
    replaced = change(owner, board, code, pronto=PRONTO)
    assert (replaced.pronto, replaced.repeat_from, replaced.name) == (PRONTO, 4, "Beamer")
    with pytest.raises(ValidationFailed):
        change(owner, board, code, frequency_hz=38_000)
    uid = uuid.UUID(code.uid)
    codes.remove_code(device_uid=board.uid, uid=uid, actor=owner, now=at(9))
    with pytest.raises(NotFound):
        codes.remove_code(device_uid=board.uid, uid=uid, actor=owner, now=at(9))
    told = AuditEntry.objects.unscoped(WHY).filter(action__startswith="infrared.code.")
    assert list(told.order_by("pk").values_list("action", flat=True)) == [
        f"infrared.code.{what}" for what in ("created", "updated", "updated", "removed")
    ]


def test_a_device_has_so_many_codes_and_no_more(
    owner: Actor, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "MAX_CODES", 1)
    bring(owner, board)
    with pytest.raises(errors.TooManyIrCodes):
        bring(owner, board, "TV off")
    with pytest.raises(errors.TooManyIrCodes):
        ask(owner, board, "ir_learn", name="TV off")


def test_strangers_and_viewers_change_nothing(owner: Actor, board: Board) -> None:
    code, stranger = bring(owner, board), make_actor()
    with pytest.raises(NotFound):
        bring(stranger, board)
    with pytest.raises(NotFound):
        change(stranger, board, code, name="mine")
    viewer = _as_viewer(owner)
    with pytest.raises(PermissionDenied):
        change(viewer, board, code, name="mine")
    elsewhere = make_device(owner, now=START)
    with pytest.raises(NotFound):
        change(owner, elsewhere, code, name="mine")


def _as_viewer(owner: Actor) -> Actor:
    return Actor(kind="user", id="v", label="v", user_id=owner.user_id,
                 roles=dict.fromkeys(owner.roles, "viewer"))  # fmt: skip


def test_a_code_is_sent_by_id_or_by_name_as_a_signal(owner: Actor, board: Board) -> None:
    code = bring(owner, board, frequency_hz=38_000, timings=list(TIMINGS), repeat=2)
    for named in (code.uid, "TV on"):
        asked = ask(owner, board, "IR_TRANSMIT", code=named)
        (message,) = pull(board, START)
        assert message.payload == {
            "code": code.uid,
            "name": "TV on",
            "frequency_hz": 38_000,
            "timings": list(TIMINGS),
            "repeat": 2,
        }
        assert (asked.delivery, asked.expires_at) == ("now", at(30))
        answer(board, asked.id, at(1), result={"repeat": 2})
        assert row_of(asked.id).state == "succeeded"


def test_two_presses_are_two_presses(owner: Actor, board: Board) -> None:
    """A newer one makes no older one pointless, and they go out one after the other."""
    bring(owner, board)
    first, second = (ask(owner, board, "ir_transmit", code="TV on") for _ in range(2))
    assert [message.command_id for message in pull(board, START)] == [first.id]
    answer(board, first.id, at(1))
    assert [message.command_id for message in pull(board, at(1))] == [second.id]


def test_a_held_button_is_written_out(owner: Actor, board: Board) -> None:
    code = bring(owner, board, pronto=PRONTO)
    once, again = list(code.timings[:4]), list(code.timings[4:])
    asked = ask(owner, board, "ir_transmit", code="TV on", repeat=3)
    assert (asked.payload["timings"], asked.payload["repeat"]) == (once + again + again, 1)


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ({"code": "TV of"}, "/payload/code"),
        ({"code": str(uuid.uuid4())}, "/payload/code"),
        ({"code": "TV on", "repeat": 21}, "/payload/repeat"),
        ({"code": "long", "repeat": 20}, "/payload/repeat"),
        ({}, "/payload/code"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_place(
    owner: Actor, board: Board, payload: dict[str, Any], pointer: str
) -> None:
    bring(owner, board)
    bring(owner, board, "long", frequency_hz=38_000, timings=[9] * 800, repeat_from=400)
    with pytest.raises(InvalidPayload) as refusal:
        ask(owner, board, "ir_transmit", **payload)
    assert list(refusal.value.details) == [pointer]


def test_only_who_has_infrared_is_asked(owner: Actor) -> None:
    relays = connected_device(owner, now=START)
    bring(owner, relays)
    with pytest.raises(NotSupported):
        ask(owner, relays, "ir_transmit", code="TV on")
    away = make_device(owner, now=START)
    DeviceCapability.objects.unscoped(WHY).filter(device_id=away.device_id).delete()
    with pytest.raises(device_errors.DeviceOffline):
        ask(owner, away, "ir_learn", name="TV on")


def test_what_a_device_learns_is_kept_once(owner: Actor, board: Board) -> None:
    command = learn(owner, board)
    code = hears(board, command)
    assert hears(board, command, 1, 2) == code
    answer(board, command, at(4), result={"timings": 4})
    assert hears(board, command) == code
    assert row_of(command).result == {"timings": 4, "code": code, "name": "TV on"}
    kept = selectors.code_by_uid(actor=owner, device_uid=board.uid, uid=uuid.UUID(str(code)))
    assert (kept.timings, kept.source, kept.created_by) == (TIMINGS, "learned", owner.label)
    assert names(board) == ["TV on"]
    entry = AuditEntry.objects.unscoped(WHY).get(action="infrared.code.learned")
    assert (entry.actor_kind, entry.after["command"]) == ("device", command)
    assert entry.cause == [owner.as_cause()]


def test_an_answer_may_bring_the_code_itself(owner: Actor, board: Board) -> None:
    command = learn(owner, board)
    answer(board, command, at(4), result={"frequency_hz": 40_000, "timings": [600, 700]})
    (code,) = DeviceIrCode.objects.unscoped(WHY).filter(device_id=board.device_id)
    assert (code.frequency_hz, code.timings) == (40_000, [600, 700])
    assert row_of(command).result["code"] == str(code.uid)
    assert hears(board, command) == str(code.uid)


def test_a_name_that_is_taken_gets_a_number(owner: Actor, board: Board) -> None:
    bring(owner, board)
    for _ in range(2):
        command = learn(owner, board)
        hears(board, command)
        answer(board, command, at(4))
    assert names(board) == ["TV on", "TV on 2", "TV on 3"]


def test_nothing_learned_leaves_nothing(owner: Actor, board: Board) -> None:
    command = learn(owner, board)
    answer(board, command, at(30), status=AckStatus.FAILED, error="nothing_learned")
    row = row_of(command)
    assert (row.state, row.error, row.result, names(board)) == (
        "failed", "nothing_learned", None, [],
    )  # fmt: skip
    assert hears(board, command) is None


@pytest.mark.parametrize("result", [{}, {"timings": 68}, {"frequency_hz": 1, "timings": [1, 2]}])
def test_a_success_without_a_code_brings_none(
    owner: Actor, board: Board, result: dict[str, Any]
) -> None:
    command = learn(owner, board)
    answer(board, command, at(4), result=result)
    assert (row_of(command).state, names(board)) == ("succeeded", [])


def test_only_the_commands_device_tells_and_only_while_it_may(owner: Actor, board: Board) -> None:
    command = learn(owner, board)
    other = connected_device(owner, now=START)
    assert hears(other, command) is None
    assert hears(board, "no-uuid") is hears(board, str(uuid.uuid4())) is None
    other_kind = ask(owner, board, "reboot").id
    assert [message.command_id for message in pull(board, at(1))] == [other_kind]
    assert hears(board, other_kind) is None
    newer = reconnected(board, now=at(1))
    with pytest.raises(device_errors.SessionFenced):
        hears(board, command)
    cancelling.cancel_command(command_uid=uuid.UUID(command), actor=owner, now=at(2))
    answer(newer, command, at(3), status=AckStatus.CANCELLED)
    assert hears(newer, command) is None
    assert names(board) == []


def test_the_next_life_begins_without_codes_and_an_erasure_removes_them(owner: Actor) -> None:
    board = make_device(owner, hardware_id="AA:1", now=START)
    code = bring(owner, board)
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=at(1))
    archive = board.row().final_state
    assert archive is not None
    assert archive["ir_codes"] == [{"id": code.uid, "name": "TV on", "source": "imported"}]
    with pytest.raises(device_errors.DeviceArchived):
        bring(owner, board, "TV off")
    assert [shown.name for shown in selectors.codes_of(actor=owner, device_uid=board.uid)] == [
        "TV on"
    ]
    again = make_device(make_actor(), hardware_id="AA:1", now=at(2))
    assert names(again) == []
    erasing.request_erasure(device_uid=board.uid, actor=owner, now=at(3))
    erasing.run_erasures(at(4))
    assert names(board) == []
    assert "ir_codes" not in (board.row().final_state or {})
