"""Devices that ask over HTTP what they are to do, against a server that plays its part by hand."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.protocol import codec, messages
from edge.protocol.limits import MAX_DOCUMENT_BYTES
from edge.protocol.merge_patch import apply_patch
from edge.simulator import polling
from edge.simulator.chaos import MALFORMED_FRAMES
from edge.simulator.fleet import Fleet
from edge.simulator.options import FleetOptions
from edge.simulator.profiles import INFRARED
from tests.simulator.platform_stub import KEY, http_answer

UID = "uid-1"


@dataclass
class Office:
    """Hands out what is put into its tray, once, and keeps what it is told."""

    port: int = 0
    tray: list[dict[str, Any]] = field(default_factory=list)
    documents: dict[str, Any] = field(default_factory=dict)
    told: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    waits: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    status_of_results: list[int] = field(default_factory=list)

    def put(self, message: messages.DownMessage) -> None:
        self.tray.append(json.loads(codec.encode(message)))

    async def until(self, count: int, path: str) -> list[Any]:
        async with asyncio.timeout(10):
            while len(self.told[path]) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.told[path]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        raw = await reader.readexactly(length)
        method, path = head.split(" ")[:2]
        writer.write(self._answer(method, path, json.loads(raw) if raw else None))
        await writer.drain()
        writer.close()
        self.changed.set()

    def _answer(self, method: str, path: str, body: Any) -> bytes:
        if path.startswith("/api/v1/provision/"):
            given = {"device_uid": UID, "device_token": "t", "claim_code": None}
            return http_answer(201, given | {"device_id": 1, "hardware_id": "sim-7-0"})
        if path.startswith(polling.PENDING_PATH):
            self.waits.append(path.partition("?")[2])
            handed, self.tray = self.tray, []
            plain = {"commands": handed, "server_time": codec.format_moment(datetime.now(UTC))}
            return http_answer(200, plain | self.documents)
        self.told[f"{method} {path}"].append(body)
        if path.endswith("/result") and self.status_of_results:
            return http_answer(self.status_of_results.pop(0), {"code": "unavailable"})
        return http_answer(202 if "device-metrics" in path else 200, {"acked_seq": 10**6})


@asynccontextmanager
async def office(**options: Any) -> AsyncIterator[Office]:
    made = Office()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    fleet = Fleet(
        FleetOptions(
            url=f"http://127.0.0.1:{made.port}", provision_key=KEY, seed=7, wires=("http",),
            reconnect_max_s=0.2, telemetry_every_s=0.3, **options,
        )
    )  # fmt: skip
    running = asyncio.ensure_future(fleet.run())
    try:
        yield made
    finally:
        fleet.stop()
        await running
        server.close()


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=30)


async def test_a_command_is_fetched_run_and_answered_and_a_repeat_only_answered() -> None:
    async with office() as server:
        command = messages.SetRelay("c1", 2, True, soon())
        server.put(command)
        path = "POST /api/v1/devices/commands/c1/result"
        (told,) = await server.until(1, path)
        server.put(command)
        await server.until(2, path)
    assert told["status"] == "succeeded"
    assert told["relays"] == [{"relay_index": 2, "is_on": True}]
    assert server.waits[0].startswith("wait=")


async def test_an_outcome_the_server_did_not_take_is_told_again() -> None:
    async with office() as server:
        server.status_of_results = [200, 503]
        server.put(messages.Command("c1", "run_diagnostics", {}, soon()))
        told = await server.until(3, "POST /api/v1/devices/commands/c1/result")
    assert [one["status"] for one in told] == ["accepted", "succeeded", "succeeded"]


async def test_documents_are_taken_over_and_confirmed_over_http() -> None:
    async with office() as server:
        server.documents["config"] = json.loads(codec.encode(messages.Config(4, {"a": 1})))
        desired = messages.TwinDesired(2, {"volume": 3})
        server.documents["twin_desired"] = json.loads(codec.encode(desired))
        (applied, *_) = await server.until(1, "POST /api/v1/devices/self/config/applied")
        path = f"PATCH /api/v1/devices/{UID}/twin/reported?desired_version=2"
        (patch, *_) = await server.until(1, path)
    assert applied["version"] == 4
    assert (patch["volume"], patch["config_version"]) == (3, 4)


async def test_a_learnt_code_comes_with_the_result() -> None:
    async with office(profiles=(INFRARED,)) as server:
        server.put(messages.Command("c1", "ir_learn", {"timeout_s": 30}, soon()))
        told = await server.until(2, "POST /api/v1/devices/commands/c1/result")
    assert told[1]["result"]["frequency_hz"] == 38_000
    assert len(told[1]["result"]["timings"]) == 68


@pytest.mark.parametrize(
    ("known", "document", "patch"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1, "b": 2}, {"a": 1}, {"a": 1, "b": None}),
        ({"a": {"x": 1, "y": 1}}, {"a": {"x": 1}}, {"a": {"x": 1, "y": None}}),
        ({"a": {"x": 1}}, {"a": [1]}, {"a": [1]}),
        ({"a": 1}, {"a": {"x": 1}}, {"a": {"x": 1}}),
    ],
)
def test_a_whole_report_over_http_removes_all_that_the_server_may_have_besides(
    known: dict[str, Any], document: dict[str, Any], patch: dict[str, Any]
) -> None:
    frame = codec.encode(messages.TwinReported(document=document))
    call = polling.Phrasing().call_for(frame, uid="u", reported=known)
    assert call is not None
    assert call.content_type == "application/merge-patch+json"
    assert json.loads(call.body) == patch
    assert apply_patch(known, patch) == apply_patch({}, patch) == document


@pytest.mark.parametrize("frame", MALFORMED_FRAMES)
def test_nothing_malformed_stops_a_device(frame: str | bytes) -> None:
    polling.Phrasing().call_for(frame, uid=UID, reported={})


def test_the_largest_document_is_reported() -> None:
    document = {"text": "x" * (MAX_DOCUMENT_BYTES - len('{"text":""}'))}
    frame = codec.encode(messages.TwinReported(document=document, desired_version=3))
    call = polling.Phrasing().call_for(frame, uid=UID, reported={})
    assert call is not None
    assert call.path.endswith("?desired_version=3")
    assert json.loads(call.body) == document
