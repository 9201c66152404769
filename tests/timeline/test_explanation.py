"""Why a device is as it is: facts in, sentences out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from timeline import explanation
from timeline.explanation_facts import (
    Asked,
    Contact,
    Ending,
    Facts,
    Keys,
    Maintenance,
    Place,
    Wish,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CALM = Facts(
    now=NOW,
    connectivity="online",
    sync="in_sync",
    may_operate=True,
    role="operator",
    since=NOW - timedelta(hours=1),
    last_seen_at=NOW,
    keys=Keys(state="current"),
    contact=Contact(wire="WebSocket", began="It connected."),
    twin=Wish(version=3, applied=3, at=NOW, by="Anna"),
    config=Wish(version=0, applied=0),
    has_relays=True,
)
AWAY = replace(
    CALM,
    connectivity="offline",
    contact=Contact(wire="WebSocket", end_code="silence", ended="Nothing was heard of it."),
)
OUTAGE = Place(site_id="b", name="Berlin", total=8, online=0, outage_since=NOW, outage_lost=8)
CALM_SITE = Place(site_id="b", name="Berlin", total=8, online=7)


def codes(facts: Facts, subject: str) -> list[str]:
    return [reason.code for reason in answer(facts, subject).reasons]


def answer(facts: Facts, subject: str) -> explanation.Answer:
    return next(found for found in explanation.explain(facts) if found.subject == subject)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (AWAY, ["silence"]),
        (replace(AWAY, place=CALM_SITE), ["silence", "neighbours"]),
        (replace(AWAY, place=OUTAGE), ["site_outage", "silence"]),
        (
            replace(AWAY, maintenance=Maintenance(until=NOW, reason="Painting"), place=OUTAGE),
            ["maintenance", "site_outage", "silence"],
        ),
        (replace(AWAY, keys=Keys(state="none")), ["no_key", "silence"]),
        (replace(AWAY, contact=None), ["silence"]),
        (replace(AWAY, keys=Keys(state="rotation_pending")), ["silence", "rotation_pending"]),
        (replace(AWAY, is_flapping=True), ["silence", "flapping"]),
        (replace(AWAY, connectivity="never_connected"), ["never_connected"]),
    ],
)
def test_the_strongest_explanation_of_an_absence_comes_first(
    facts: Facts, expected: list[str]
) -> None:
    told = answer(facts, "connectivity")
    assert [reason.code for reason in told.reasons] == expected
    if facts.connectivity == "offline":
        assert told.summary == told.reasons[0].text


def test_a_device_without_a_key_is_not_said_to_come_back_by_itself() -> None:
    told = answer(replace(AWAY, keys=Keys(state="none")), "connectivity")
    assert [hint.code for hint in told.advice] == ["new_key"]


def test_an_outage_sends_people_to_the_site_and_not_to_the_device() -> None:
    told = answer(replace(AWAY, place=OUTAGE), "connectivity")
    assert "not this device" in told.summary
    assert told.advice[0].code == "check_site"
    assert told.reasons[0].links[0].id == "b"


def test_absence_in_maintenance_is_no_alarm() -> None:
    excused = replace(AWAY, maintenance=Maintenance(until=NOW, reason=""))
    assert (answer(AWAY, "connectivity").tone, answer(excused, "connectivity").tone) == (
        "bad",
        "idle",
    )


def test_a_device_that_is_there_and_as_desired_raises_no_question() -> None:
    told = explanation.explain(CALM)
    assert [found.tone for found in told] == ["good", "good", "good"]
    assert [found.state for found in told] == ["online", "in_sync", "ready"]


DRIFT = replace(CALM, sync="drift", differing=("/mode", "/a", "/b", "/c"))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (replace(DRIFT, twin=Wish(version=4, applied=3)), "has not yet said"),
        (DRIFT, "still differs"),
        (replace(DRIFT, connectivity="offline"), "offline and differs in 4 places"),
    ],
)
def test_drift_tells_whether_the_device_knows_what_is_desired(facts: Facts, said: str) -> None:
    told = answer(facts, "sync")
    assert said in told.summary
    assert "mode, a, b and 1 more" in told.reasons[0].text


def test_a_refused_configuration_is_told_with_the_devices_own_words() -> None:
    refused = Wish(version=2, applied=1, refused=True, error="no such mode")
    told = answer(replace(CALM, config=refused), "sync")
    assert told.tone == "warn"
    assert told.reasons[0].code == "config_refused"
    assert "no such mode" in told.reasons[0].text


def test_what_nobody_desired_cannot_be_differed_from() -> None:
    told = answer(replace(CALM, sync="unknown", twin=Wish(version=0, applied=0)), "sync")
    assert told.state == "unknown"
    assert told.advice[0].links[0].kind == "twin"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (CALM, []),
        (AWAY, ["device_offline"]),
        (replace(CALM, may_operate=False, role="viewer"), ["role"]),
        (replace(AWAY, may_operate=False, role="viewer"), ["role", "device_offline"]),
        (
            replace(CALM, asked=(Asked(id="1", title="Reboot", state="queued", at=NOW),)),
            ["command_queued"],
        ),
    ],
)
def test_what_stands_in_the_way_of_switching(facts: Facts, expected: list[str]) -> None:
    assert codes(facts, "control") == expected


def test_of_a_life_that_has_ended_every_answer_says_so() -> None:
    ended = replace(AWAY, sync="unknown", ending=Ending(at=NOW, by="Anna", text="It was unpaired"))
    told = explanation.explain(ended)
    assert all(found.since == NOW or found.subject == "control" for found in told)
    assert "It was unpaired by Anna" in answer(ended, "control").summary
    assert codes(ended, "control") == ["life_ended"]
