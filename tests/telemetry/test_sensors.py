"""Sensors: what they say moves forward only, and each event is kept once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.models import AuditEntry
from devices import registry, selectors
from devices.errors import DeviceArchived, DeviceUnpaired, SessionFenced
from devices.services import claiming, unpairing
from edge.protocol import sensors as wire
from edge.protocol.messages import Reading, Telemetry
from kernel import events as domain_events
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied, ValidationFailed
from kernel.models import LiveEvent
from kernel.unit_of_work import unit_of_work
from telemetry import sensor_types
from telemetry.events import SensorChanged
from telemetry.models import DeviceSensorEvent, DeviceSensorState
from telemetry.sensor_types import is_same_value
from telemetry.services import ingestion, sensing, sensor_lives, sensor_retention
from tests.factories.devices import Board, make_device, provision, reconnected
from tests.factories.sites import join
from tests.factories.users import actor_of, make_actor
from tests.kernel.threads import run_at_once
from tests.telemetry.sensor_hubs import (
    NOW,
    WHY,
    attributes_of,
    history,
    item,
    outcomes,
    report,
    state_of,
)

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
SECOND = timedelta(seconds=1)


@pytest.fixture
def owner(db: None) -> Actor:
    """A user with a tenant."""
    return make_actor()


@pytest.fixture
def hub(owner: Actor) -> Board:
    """A device of theirs."""
    return make_device(owner)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[SensorChanged]:
    """The domain events about sensors."""
    events: list[SensorChanged] = []
    subscribers = domain_events._subscribers
    monkeypatch.setitem(subscribers, SensorChanged, [events.append])
    return events


def live_payloads() -> list[dict[str, Any]]:
    rows = LiveEvent.objects.filter(kind="sensor_state").order_by("seq")
    return [row.payload for row in rows]


def test_a_first_word_is_the_state_and_the_beginning_of_the_history(
    hub: Board, heard: list[SensorChanged]
) -> None:
    at = NOW - SECOND
    assert outcomes(report(hub.device_id, item(at=at, unit="x"))) == ["stored"]
    state = state_of(hub.device_id)
    assert (state.value, state.kind, state.unit, state.version) == (True, "motion", "x", 1)
    assert (state.at, state.received_at, state.changed_at, state.source) == (at, NOW, at, "device")
    assert [(event.value, event.at) for event in history(hub.device_id)] == [(True, at)]
    (event,) = heard
    assert (event.sensor, event.value, event.previous) == ("hall", True, None)


def test_an_unchanged_repeat_only_refreshes(hub: Board, heard: list[SensorChanged]) -> None:
    report(hub.device_id, item())
    later = NOW + timedelta(minutes=1)
    assert outcomes(report(hub.device_id, item(), now=later)) == ["unchanged"]
    state = state_of(hub.device_id)
    assert (state.received_at, state.changed_at, state.version) == (later, NOW, 1)
    assert (len(history(hub.device_id)), len(heard), len(live_payloads())) == (1, 1, 1)


def test_a_change_is_kept_and_told_with_what_was_before(
    hub: Board, heard: list[SensorChanged]
) -> None:
    report(hub.device_id, item(value=1))
    assert outcomes(report(hub.device_id, item(value=1.0))) == ["unchanged"]
    assert outcomes(report(hub.device_id, item(value=True))) == ["stored"]
    assert outcomes(report(hub.device_id, item(value=2.5))) == ["stored"]
    assert [event.value for event in history(hub.device_id)] == [1, True, 2.5]
    assert [(event.previous, event.value) for event in heard] == [(None, 1), (1, True), (True, 2.5)]
    assert state_of(hub.device_id).version == 3


def test_an_event_is_kept_although_nothing_changed_and_a_repeat_of_it_is_not(
    hub: Board, heard: list[SensorChanged]
) -> None:
    press = item("bell", "press", event_id="b1-1")
    again = item("bell", "press", event_id="b1-2")
    assert outcomes(report(hub.device_id, press, again, press)) == ["stored", "stored", "duplicate"]
    before = state_of(hub.device_id, "bell")
    assert outcomes(report(hub.device_id, press, now=NOW + SECOND)) == ["duplicate"]
    assert state_of(hub.device_id, "bell").received_at == before.received_at
    assert [event.event_id for event in history(hub.device_id)] == ["b1-1", "b1-2"]
    assert len(heard) == 2


def test_what_comes_late_never_moves_the_state_back(hub: Board, heard: list[SensorChanged]) -> None:
    report(hub.device_id, item(value=5, at=NOW))
    old = NOW - timedelta(minutes=1)
    answer = report(hub.device_id, item(value=3, at=old), item(value=4, at=old, event_id="e"))
    assert outcomes(answer) == ["stale", "late"]
    assert (state_of(hub.device_id).value, state_of(hub.device_id).at) == (5, NOW)
    assert [event.value for event in history(hub.device_id)] == [5, 4]
    assert [event.value for event in heard] == [5]


def test_at_the_same_moment_the_later_word_counts(hub: Board) -> None:
    report(hub.device_id, item(value=1, at=NOW), item(value=2, at=NOW))
    report(hub.device_id, item(value=3, at=NOW))
    state = state_of(hub.device_id)
    assert (state.value, state.version) == (3, 3)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(6)))
def test_the_newest_event_wins_in_whatever_order_they_come(order: list[int]) -> None:
    rows = DeviceSensorState.objects.unscoped(WHY)
    board = provision()
    for number in order:
        report(
            board.device_id,
            item(value=number, at=NOW + number * SECOND, event_id=f"e{number}"),
            now=NOW + timedelta(minutes=1),
        )
    assert state_of(board.device_id).value == 5
    assert {event.value for event in history(board.device_id)} == set(range(6))
    assert rows.filter(device_id=board.device_id).count() == 1


def test_a_clock_that_runs_ahead_is_corrected_and_flagged(hub: Board) -> None:
    ahead = item(at=NOW + timedelta(hours=1))
    a_little = item("door", at=NOW + timedelta(minutes=4))
    report(hub.device_id, ahead, a_little)
    assert [(event.at, event.is_at_corrected) for event in history(hub.device_id)] == [
        (NOW, True),
        (NOW + timedelta(minutes=4), False),
    ]
    assert state_of(hub.device_id).is_at_corrected is True
    assert state_of(hub.device_id, "door").is_at_corrected is False


def test_bad_items_are_told_at_their_place_and_hold_up_nothing(hub: Board) -> None:
    answer = report(
        hub.device_id,
        {"sensor": "Bad", "kind": "motion", "value": 1},
        item("a"),
        {"sensor": "b", "kind": "motion", "value": []},
        item("c"),
        attributes={"os": "linux", "No": "x"},
    )
    assert outcomes(answer) == ["sensor_invalid", "stored", "value_invalid", "stored"]
    assert [verdict.index for verdict in answer.verdicts] == [0, 1, 2, 3]
    assert [verdict.sensor for verdict in answer.verdicts] == [None, "a", "b", "c"]
    assert answer.refused_attributes == {"No": "attribute_invalid"}
    assert attributes_of(hub.device_id) == {"os": "linux"}


def test_a_device_has_only_so_many_sensors(hub: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensing, "MAX_SENSORS", 2)
    answer = report(hub.device_id, item("a"), item("b"), item("c"), item("a", False))
    assert outcomes(answer) == ["stored", "stored", sensor_types.TOO_MANY_SENSORS, "stored"]
    assert outcomes(report(hub.device_id, item("d"))) == [sensor_types.TOO_MANY_SENSORS]


def test_only_the_newest_text_of_an_attribute_is_kept(hub: Board) -> None:
    report(hub.device_id, attributes={"os": "linux", "zone": "hall"})
    report(hub.device_id, attributes={"os": "openwrt", "zone": ""})
    assert attributes_of(hub.device_id) == {"os": "openwrt"}


def test_a_device_has_only_so_many_attributes(hub: Board) -> None:
    report(hub.device_id, attributes={f"a{number}": "x" for number in range(60)})
    answer = report(
        hub.device_id, attributes={f"b{number}": "x" for number in range(6)} | {"a0": "y"}
    )
    assert answer.refused_attributes == dict.fromkeys(("b4", "b5"), "too_many_attributes")
    assert len(attributes_of(hub.device_id)) == 64
    assert attributes_of(hub.device_id)["a0"] == "y"


def test_attributes_beside_new_readings_are_kept_and_beside_repeats_are_not(hub: Board) -> None:
    def send(seq: int, text: str) -> None:
        batch = Telemetry("b", (Reading(seq, None, {"a": 1.0}),), attributes={"os": text})
        with unit_of_work():
            ingestion.ingest_readings(
                device_id=hub.device_id, tenant_id=None, telemetry=batch, now=NOW
            )

    send(1, "linux")
    send(2, "openwrt")
    send(1, "linux")
    assert attributes_of(hub.device_id) == {"os": "openwrt"}


def test_browsers_hear_of_a_report_once(hub: Board) -> None:
    report(hub.device_id, item("a", 1), item("b", 2), item("a", 3))
    (payload,) = live_payloads()
    assert payload["device_uid"] == hub.uid
    assert [(sensor["sensor"], sensor["value"]) for sensor in payload["sensors"]] == [
        ("a", 3),
        ("b", 2),
    ]


def test_twenty_copies_of_an_event_at_once_are_kept_once(hub: Board) -> None:
    items = [item(f"s{number}", number, event_id=f"e{number}") for number in range(5)]
    answers = run_at_once(20, lambda _: outcomes(report(hub.device_id, *items)))
    counted = sorted(verdict for answer in answers for verdict in answer)  # type: ignore[union-attr]
    assert counted == ["duplicate"] * 95 + ["stored"] * 5
    assert len(history(hub.device_id)) == 5
    assert len(live_payloads()) == 1


def test_events_that_race_out_of_order_leave_the_newest(hub: Board) -> None:
    def send(number: int) -> Any:
        said = item(value=number, at=NOW + number * SECOND, event_id=f"e{number}")
        return report(hub.device_id, said, now=NOW + timedelta(minutes=1))

    answers = run_at_once(12, lambda number: send((number * 7) % 12))
    assert [answer for answer in answers if isinstance(answer, BaseException)] == []
    assert state_of(hub.device_id).value == 11
    assert {event.value for event in history(hub.device_id)} == set(range(12))
    assert len(history(hub.device_id)) == 12


def test_two_new_sensors_named_at_once_are_one(hub: Board) -> None:
    answers = run_at_once(10, lambda _: outcomes(report(hub.device_id, item())))
    assert sorted(answers) == [["stored"], *[["unchanged"]] * 9]  # type: ignore[type-var]
    assert DeviceSensorState.objects.unscoped(WHY).filter(device_id=hub.device_id).count() == 1


def test_a_replaced_session_and_an_ended_life_write_nothing(hub: Board, owner: Actor) -> None:
    old = reconnected(hub)
    new = reconnected(hub)
    with pytest.raises(SessionFenced):
        report(hub.device_id, item(), epoch=old.epoch)
    assert outcomes(report(hub.device_id, item(), epoch=new.epoch)) == ["stored"]
    unpairing.unpair_device(device_uid=hub.uid, actor=owner, now=NOW)
    for epoch in (new.epoch, None):
        with pytest.raises(DeviceUnpaired):
            report(hub.device_id, item(value=False), epoch=epoch)
    assert len(history(hub.device_id)) == 1


def test_what_was_said_before_the_claim_belongs_to_the_owner(owner: Actor) -> None:
    made = provision()
    report(made.device_id, item(event_id="e"), attributes={"os": "linux"})
    assert (history(made.device_id)[0].tenant_id, live_payloads()) == (None, [])
    claiming.claim_device(code=made.claim_code or "", actor=owner, now=NOW)
    tenant_id = history(made.device_id)[0].tenant_id
    assert {tenant_id} == owner.tenant_ids
    assert state_of(made.device_id).tenant_id == tenant_id
    assert outcomes(report(made.device_id, item(event_id="e"))) == ["duplicate"]


def entered(hub_uid: str, actor: Actor, *items: dict[str, Any]) -> list[str]:
    return outcomes(
        sensing.record_readings_by_hand(
            device_uid=hub_uid, report=wire.report({"sensors": list(items)}), actor=actor, now=NOW
        )
    )


def test_readings_by_hand_are_told_apart_and_audited_once(hub: Board, owner: Actor) -> None:
    reading = item("meter", 4711, event_id="2026-03")
    assert entered(hub.uid, owner, reading) == ["stored"]
    assert entered(hub.uid, owner, reading) == ["duplicate"]
    assert history(hub.device_id)[0].source == "user"
    (entry,) = AuditEntry.objects.unscoped(WHY).filter(action="telemetry.sensor.entered")
    assert (entry.target_id, entry.actor_id) == (hub.uid, owner.id)
    assert entry.after == {"sensors": ["meter"], "readings": 1}


def test_a_viewer_enters_nothing_and_a_stranger_finds_nothing(hub: Board, owner: Actor) -> None:
    with pytest.raises(PermissionDenied):
        entered(hub.uid, actor_of(join(owner, "viewer")), item())
    with pytest.raises(NotFound):
        entered(hub.uid, make_actor(), item())
    unpairing.unpair_device(device_uid=hub.uid, actor=owner, now=NOW)
    with pytest.raises(DeviceArchived):
        entered(hub.uid, owner, item())
    assert history(hub.device_id) == []


def test_attributes_are_the_devices_own(hub: Board, owner: Actor) -> None:
    body = wire.report({"sensors": [item()], "attributes": {"os": "linux"}})
    with pytest.raises(ValidationFailed):
        sensing.record_readings_by_hand(device_uid=hub.uid, report=body, actor=owner, now=NOW)
    assert history(hub.device_id) == []


def test_the_final_state_of_a_life_has_its_sensors(hub: Board, owner: Actor) -> None:
    report(hub.device_id, item("a", 21.5, unit="°C"), attributes={"os": "linux"})
    unpairing.unpair_device(device_uid=hub.uid, actor=owner, now=NOW)
    device = selectors.device_by_uid(actor=owner, uid=hub.uid, include_archived=True)
    assert device.final_state is not None
    kept = device.final_state["sensors"]
    assert kept["attributes"] == {"os": "linux"}
    assert (kept["sensors"]["a"]["value"], kept["sensors"]["a"]["unit"]) == (21.5, "°C")


def test_erasing_takes_the_words_and_leaves_the_numbers(
    hub: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensor_lives, "CHUNK", 2)
    items = [item(f"s{number}", "word", event_id=f"e{number}", unit="u") for number in range(5)]
    report(hub.device_id, *items, item("deep", {"who": "Ada"}), item("number", 5))
    report(hub.device_id, attributes={"owner": "Ada"})
    counts: dict[str, int] = {}
    for _ in range(9):
        with unit_of_work():
            done = registry.erasers()["sensors"](hub.device_id, NOW)
        if not done:
            break
        for name, count in done.items():
            counts[name] = counts.get(name, 0) + count
    else:
        raise AssertionError("it never ends")
    assert counts == {
        "attributes_deleted": 1,
        "sensor_texts_emptied": 12,
        "event_ids_emptied": 5,
        "units_emptied": 10,
    }
    assert attributes_of(hub.device_id) == {}
    assert [event.value for event in history(hub.device_id)] == [None] * 6 + [5]
    assert state_of(hub.device_id, "deep").value is None
    assert "sensors" in registry.kept_by_erasers()


def test_old_events_go_chunk_by_chunk_and_states_stay(hub: Board) -> None:
    report(hub.device_id, *(item(f"s{number}") for number in range(7)))
    later = NOW + sensor_retention.KEPT_FOR + SECOND
    report(hub.device_id, item("new"), now=later)
    assert sensor_retention.forget_old_events(later, chunk=3, max_chunks=2) == 6
    assert sensor_retention.forget_old_events(later, chunk=3) == 1
    assert sensor_retention.forget_old_events(later) == 0
    assert [event.sensor for event in history(hub.device_id)] == ["new"]
    assert state_of(hub.device_id, "s0").value is True


def test_the_database_refuses_an_event_twice(hub: Board) -> None:
    """Whatever a later writer forgets."""
    (constraint,) = DeviceSensorEvent._meta.constraints
    assert constraint.fields == ("device", "event_id")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (1, 1.0, True),
        (1e22, 10**22, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": [1, 0]}, {"a": [1, False]}, False),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": 1}, {"b": 1}, False),
        (None, False, False),
    ],
)
def test_true_is_no_number_and_a_number_is_itself(one: Any, other: Any, is_same: bool) -> None:
    assert is_same_value(one, other) is is_same


@pytest.mark.parametrize(
    "value", [True, 0.1, 1e22, -5e-324, 2**63 - 1, "wörd", {"a": {"b": [1, 2.5, None, "x"]}}]
)
def test_every_value_comes_back_as_it_was_sent(hub: Board, value: Any) -> None:
    report(hub.device_id, item(value=value))
    assert is_same_value(state_of(hub.device_id).value, value)
    assert outcomes(report(hub.device_id, item(value=value))) == ["unchanged"]
