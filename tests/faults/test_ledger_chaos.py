"""Whatever is killed: each command runs at most once, none too late, and all come to an end."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.factories.installation import Installation
from tests.faults.ledger_traffic import ALL_KINDS, Traffic
from tests.faults.loss_rig import INGEST, TICKER, WEB, LossRig, wait_until
from tests.migrated import put_migrated_database
from tests.product import embedded_product
from tests.services import MosquittoServer, PostgresServer, RedisServer

EMBEDDED = "run_embedded"
IS_FULL = os.environ.get("HOMEPOT_TEST_ROUNDS") == "full"
pytestmark = [
    pytest.mark.fault,
    pytest.mark.e2e,
    pytest.mark.embedded_only,
    pytest.mark.mosquitto,
    *((pytest.mark.postgres, pytest.mark.redis) if IS_FULL else ()),
    pytest.mark.timeout(3600 if IS_FULL else 240),
]

# The reliability goal: so long after everything works again, no command is open.
SETTLED_WITHIN_S = 60
# A usual run kills the one process of an embedded installation; `make ledger-chaos` kills each
# process and server of a production one, under the full number of commands.
DEVICES, COMMANDS, ASKERS = (120, 20_000, 8) if IS_FULL else (3, 24, 2)
COMMANDS = int(os.environ.get("LEDGER_CHAOS_COMMANDS", COMMANDS))
ROUNDS = (WEB, "postgres", INGEST, "redis", TICKER, "mosquitto") * 2 if IS_FULL else (EMBEDDED,)
# Of a reboot the answer is waited for longest.
KINDS = ALL_KINDS if IS_FULL else tuple(kind for kind in ALL_KINDS if kind != "reboot")
CHAOS_SHARE = "0.15"
FLEET = (
    "--devices", str(DEVICES), "--wires", "websocket=1,http=1,mqtt=1", "--seed", "53",
    "--relays", "4", "--reconnect-max", "1", "--telemetry-every", "5", "--poll", "long",
    "--late-ack", "0.1-2", "--half-open", "0.5-3", "--fault-every", "4",
)  # fmt: skip


class SmallRig(LossRig):
    """An embedded installation at a broker: all of the product dies and comes back at once."""

    def __init__(self, broker: MosquittoServer) -> None:
        self.services = {"mosquitto": broker}
        self.product = embedded_product(PROVISIONS_PER_MINUTE="100000", **broker.environment())
        put_migrated_database(self.product)
        self.truth_file = self.product.folder / "truth.json"
        self.fleet_log = self.product.folder / "fleet.log"

    def kill(self, victim: str, *, away_s: float) -> None:
        self.product.kill9()
        time.sleep(away_s)
        self.product.start()


@pytest.fixture
def rig() -> Iterator[LossRig]:
    with ExitStack() as stack:
        broker = stack.enter_context(MosquittoServer())
        made: LossRig = (
            LossRig(
                stack.enter_context(PostgresServer()), stack.enter_context(RedisServer()), broker
            )
            if IS_FULL
            else SmallRig(broker)
        )
        stack.callback(made.close)
        made.product.start()
        yield made


def fleet_options(rig: LossRig, *more: str) -> tuple[str, ...]:
    kept = ("--state-dir", str(rig.product.folder / "fleet"))
    return (*FLEET, *kept, "--claim", rig.product.admin_email, *more)


def claimed(home: Installation) -> list[str]:
    found = home.call("GET", "/api/v1/devices?page_size=200").body["items"]
    return [device["uid"] for device in found]


def open_commands(home: Installation) -> list[dict[str, Any]]:
    answer = home.call("GET", "/api/v1/commands?is_open=true&page_size=100")
    if answer.status == 401:
        home.sign_in()
        return open_commands(home)
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = answer.body["items"]
    return found


def summary(commands: list[dict[str, Any]]) -> Counter[str]:
    return Counter(f"{command['kind']} {command['state']}" for command in commands)


def told(seconds: float, what: str) -> None:
    print(f"{seconds:7.1f} s {what}", flush=True)  # noqa: T201  the figures of a full run


def test_every_command_runs_at_most_once_and_comes_to_its_end(rig: LossRig) -> None:
    began = time.monotonic()
    home = Installation(rig.product)
    state = fleet_options(rig, "--chaos", CHAOS_SHARE)
    with rig.fleet(*state):
        wait_until(
            lambda: len(claimed(home)) == DEVICES, within_s=120, what="not everybody is claimed"
        )
        blink = {"name": "custom.blink", "title": "Blink", "schema": {"type": "object"}}
        assert home.call("POST", "/api/v1/command-kinds", blink).status == 201
        traffic = Traffic(home, claimed(home), seed=53, kinds=KINDS)
        with traffic.running(ASKERS):
            told(time.monotonic() - began, f"{DEVICES} devices are asked")
            _in_rounds(rig, traffic, began)
        told(time.monotonic() - began, f"asked: {traffic.answers}, {traffic.desired}")
    # The same devices without further chaos: the line is good, and nobody asks for more.
    with rig.fleet(*fleet_options(rig)):
        rig.product.wait_healthy()
        healed = time.monotonic()
        wait_until(
            lambda: not open_commands(home),
            within_s=SETTLED_WITHIN_S,
            what=Lazy(lambda: _why_open(home)),
        )
        told(time.monotonic() - healed, "after the heal no command is open")
        wait_until(
            lambda: _nothing_behind(rig),
            within_s=SETTLED_WITHIN_S,
            what=Lazy(lambda: f"not agreed: {rig.check()}"),
        )
    said = rig.check("--show", "40")
    told(time.monotonic() - began, said.strip())
    assert "Truth and database agree." in said
    assert len(traffic.taken) == len(set(traffic.taken)) >= COMMANDS
    _every_wire_and_kind_was_used(rig)


def _in_rounds(rig: LossRig, traffic: Traffic, began: float) -> None:
    share = COMMANDS // len(ROUNDS)
    for number, victim in enumerate(ROUNDS, start=1):
        wait_until(
            lambda upto=share * number: len(traffic.taken) >= upto,  # type: ignore[misc]
            within_s=1200,
            what="too few commands are taken",
        )
        rig.kill(victim, away_s=1.0)
        rig.product.wait_healthy()
        told(time.monotonic() - began, f"{victim} was killed at {len(traffic.taken)} commands")
    wait_until(lambda: len(traffic.taken) >= COMMANDS, within_s=1200, what="too few are taken")


def _nothing_behind(rig: LossRig) -> bool:
    """Whether each device works by what is wanted of it, as the database has it."""
    behind = re.search(r"(\d+) documents not confirmed yet", rig.check())
    return behind is not None and behind[1] == "0"


def _every_wire_and_kind_was_used(rig: LossRig) -> None:
    ran: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for device in rig.truth().values():
        ran[device["line"]["wire"]] += len(device["executed"])
        kinds.update(run["kind"] for run in device["executed"].values())
    told(0, f"ran: {dict(ran)}, {dict(kinds)}")
    assert ran.keys() == {"websocket", "http", "mqtt"}
    assert not IS_FULL or kinds.keys() == set(ALL_KINDS)


def _why_open(home: Installation) -> str:
    """What the ledger itself says of the commands that hold the others up."""
    found = open_commands(home)
    waits = [command for command in found if command["state"] != "queued"][:12]
    told_by = [
        home.call("GET", f"/api/v1/commands/{command['id']}/explain").body for command in waits
    ]
    return f"still open: {summary(found)}\n" + "\n".join(map(str, told_by))


class Lazy(str):
    """A sentence that is made up only when somebody reads it."""

    def __new__(cls, look: Callable[[], str]) -> Lazy:
        made = super().__new__(cls, "")
        made.look = look  # type: ignore[attr-defined]
        return made

    def __str__(self) -> str:
        return str(self.look())  # type: ignore[attr-defined]

    __repr__ = __str__
