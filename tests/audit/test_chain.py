"""The canonical form and the hash."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from audit import chain

FACTS = chain.Facts(
    chain_id=1,
    seq=1,
    tenant_id=1,
    at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    action="relays.relay.switched",
    actor={"kind": "user", "id": "u", "label": "Ada", "via": "api", "address": ""},
    request_id="r",
    target_type="device",
    target_id="d",
    before={"is_on": False},
    after={"is_on": True},
    cause=[],
)


def test_the_bytes_are_sorted_compact_utf8_json() -> None:
    facts = replace(FACTS, after={"name": "Küche", "is_on": True})
    assert (
        chain.canonical_bytes(facts)
        == (
            '{"action":"relays.relay.switched",'
            '"actor":{"address":"","id":"u","kind":"user","label":"Ada","via":"api"},'
            '"after":{"is_on":true,"name":"Küche"},"at":"2026-03-01T12:00:00.000000Z",'
            '"before":{"is_on":false},"cause":[],"chain_id":1,"request_id":"r","seq":1,'
            '"target_id":"d","target_type":"device","tenant_id":1}'
        ).encode()
    )


def test_the_hash_of_a_known_entry_never_changes() -> None:
    known = "128eb053cb525d56a47114be57846bcb99c22260c99e6bd221a36c33441e08da"
    assert chain.entry_hash(chain.GENESIS, FACTS) == known


def test_the_same_moment_in_another_zone_is_the_same_entry() -> None:
    elsewhere = FACTS.at.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert chain.canonical_bytes(replace(FACTS, at=elsewhere)) == chain.canonical_bytes(FACTS)


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 2},
        {"chain_id": 2},
        {"tenant_id": None},
        {"at": FACTS.at + timedelta(microseconds=1)},
        {"action": "relays.relay.reported"},
        {"actor": {**FACTS.actor, "address": "192.0.2.1"}},
        {"request_id": ""},
        {"target_type": "relay"},
        {"target_id": "e"},
        {"before": None},
        {"after": {"is_on": 1}},
        {"cause": [{}]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_fact_is_covered_by_the_hash(change: dict[str, object]) -> None:
    changed = replace(FACTS, **change)  # type: ignore[arg-type]
    assert chain.entry_hash(chain.GENESIS, changed) != chain.entry_hash(chain.GENESIS, FACTS)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, 1),
        (-0.0, 0),
        (1e22, 10**22),
        (0.1, 0.1),
        ((1, 2), [1, 2]),
        ({1: "a"}, {"1": "a"}),
        (FACTS.at, "2026-03-01T12:00:00.000000Z"),
    ],
)
def test_values_take_the_one_form_that_every_store_gives_back(
    value: object, expected: object
) -> None:
    found = chain.storable(value)
    assert json.dumps(found) == json.dumps(expected)
    assert chain.storable(found) == found


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        "\0",
        "\ud800",
        {"a\0": 1},
        object(),
        {1},
        b"bytes",
        datetime(2026, 1, 1),  # noqa: DTZ001  that it has no zone is the point
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_database_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(chain.NotRecordable):
        chain.storable(value)


def test_a_value_nested_without_end_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(chain.NotRecordable):
        chain.storable(value)
