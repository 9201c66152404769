"""Whatever is killed or paused: what was acknowledged is stored once, what was not arrives later."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.loss_rig import (
    PRESENCE_WITHIN_S,
    LossRig,
    numbers,
    wait_until,
)
from tests.services import MosquittoServer, PostgresServer, RedisServer

IS_FULL = os.environ.get("HOMEPOT_TEST_ROUNDS") == "full"
pytestmark = [
    pytest.mark.fault,
    pytest.mark.e2e,
    pytest.mark.embedded_only,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.mosquitto,
    pytest.mark.timeout(3600 if IS_FULL else 240),
]

# A usual run does one fault to each part; `make loss` does all of them to all.
DEVICES, EVERY_S, READINGS = (240, 0.6, 200_000) if IS_FULL else (24, 0.3, 2_000)
USUAL = (
    ("serve", "kill"),
    ("mqtt_ingest", "kill"),
    ("mosquitto", "kill"),
    ("postgres", "kill"),
    ("redis", "kill"),
    ("mqtt_ingest", "pause 3"),
    ("postgres", "pause 3"),
)
KINDS = ("kill", "pause 5", "pause 30", "restart")
FLEET = (
    "--devices", str(DEVICES), "--mix", "pos=1,server=1,sensor=1",
    "--wires", "websocket=1,http=1,mqtt=1", "--seed", "41", "--reconnect-max", "2",
    "--ramp", "3",
)  # fmt: skip


@pytest.fixture
def rig() -> Iterator[LossRig]:
    with PostgresServer() as postgres, RedisServer() as redis, MosquittoServer() as broker:
        made = LossRig(postgres, redis, broker)
        try:
            made.product.start()
            yield made
        finally:
            made.close()


def faults(rig: LossRig) -> list[tuple[str, str]]:
    if not IS_FULL:
        return list(USUAL)
    return [(victim, kind) for kind in KINDS for victim in rig.victims]


def inflict(rig: LossRig, victim: str, kind: str) -> None:
    word, _, seconds = kind.partition(" ")
    if word == "pause":
        rig.pause(victim, for_s=float(seconds))
    elif word == "restart":
        rig.restart(victim)
    else:
        rig.kill(victim, away_s=1.0)


def acknowledged(rig: LossRig) -> int:
    rig.supervise()
    return acknowledged_by_wire(rig).total()


def acknowledged_by_wire(rig: LossRig) -> Counter[str]:
    counted: Counter[str] = Counter()
    for told in rig.truth().values():
        for boot in told["readings"].values():
            counted[told["line"]["wire"]] += numbers(boot["acked"])
    return counted


def unacknowledged(rig: LossRig) -> dict[str, list[str]]:
    return {
        f"{uid} over {told['line'].get('wire')}": [
            f"{boot_id}: sent {boot['sent']}, acknowledged {boot['acked']}"
            for boot_id, boot in told["readings"].items()
            if numbers(boot["sent"]) != numbers(boot["acked"])
        ]
        for uid, told in rig.truth().items()
        if any(
            numbers(boot["sent"]) != numbers(boot["acked"]) for boot in told["readings"].values()
        )
    }


def test_no_acknowledged_reading_is_lost_and_every_other_arrives(rig: LossRig) -> None:
    state = ("--state-dir", str(rig.product.folder / "fleet"))
    with rig.fleet(*FLEET, *state, "--telemetry-every", str(EVERY_S)):
        wait_until(
            lambda: rig.truth_file.exists() and len(rig.truth()) == DEVICES,
            within_s=90,
            what="the fleet did not get on the wire",
        )
        for victim, kind in faults(rig):
            began = time.monotonic()
            inflict(rig, victim, kind)
            rig.product.wait_healthy()
            healthy = time.monotonic()
            if IS_FULL or victim == "postgres":
                rig.check_within(PRESENCE_WITHIN_S)
            settled = time.monotonic()
            print(  # noqa: T201  the figures of a full run
                f"{victim} {kind}: healthy after {healthy - began:.1f} s, "
                f"presence right {settled - healthy:.1f} s later, "
                f"acknowledged so far {dict(acknowledged_by_wire(rig))}"
            )
        wait_until(
            lambda: acknowledged(rig) >= READINGS, within_s=1200, what="too little is acknowledged"
        )
    # The same devices with nothing new to say: what they still hold is all they send.
    with rig.fleet(*FLEET, *state, "--telemetry-every", "100000"):
        wait_until(
            lambda: not unacknowledged(rig),
            within_s=90,
            what=f"not delivered in the end: {list(unacknowledged(rig).items())[:3]}",
        )
    assert not any(told["discarded"] for told in rig.truth().values()), "a queue overflowed"
    # The fleet is gone: what it said is stored, and that it is gone is found in time.
    assert "Truth and database agree." in rig.check_within(PRESENCE_WITHIN_S)
    by_wire = acknowledged_by_wire(rig)
    assert by_wire.keys() == {"websocket", "http", "mqtt"}, by_wire
    assert min(by_wire.values()) > READINGS / 6, by_wire
