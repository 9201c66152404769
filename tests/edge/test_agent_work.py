"""A connected agent does more than switching relays: work that takes time, and agreeing."""

import asyncio
import contextlib
import json
import os
import signal
import stat
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.agent import durable_file
from edge.agent.agreements import Agreements
from edge.agent.config import AgentConfig
from edge.agent.drivers.infrared import RECEIVED_FILE, SENT_FILE
from edge.agent.power import Power
from edge.agent.session import Session
from edge.agent.worker import Worker, _fitting
from edge.agent.workshop import Workshop
from edge.protocol import codec, messages
from edge.protocol.messages import Ack, AckStatus, TwinReported
from tests.edge.conftest import AgentStarter, running, store_identity
from tests.edge.homepot_stub import DeviceConnection, SocketStub
from tests.edge.test_agent_process import start

CODE = {"frequency_hz": 38_000, "timings": [9000, 4500, 560, 560]}


def asking(server: SocketStub, command_id: str, kind: str, **payload: Any) -> messages.Command:
    return messages.Command(command_id, kind, payload, server.now() + timedelta(seconds=60))


async def outcome(connection: DeviceConnection, command_id: str) -> Ack:
    """Return the answer that ends a command; those about its progress are passed over."""
    while True:
        ack = await connection.expect(Ack)
        if ack.command_id == command_id and ack.status is not AckStatus.ACCEPTED:
            return ack


async def test_a_reboot_is_only_answered_unless_it_was_allowed(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        await connection.send(asking(server, "c1", "reboot"))
        assert (await connection.expect(Ack)).status is AckStatus.ACCEPTED
        done = await outcome(connection, "c1")
        await connection.send(asking(server, "c1", "reboot"))
        again = await outcome(connection, "c1")
    assert done.result == {"rebooted": False, "dry_run": True}
    assert again.result == done.result


class OtherBoot(Power):
    """A machine whose restart is a new agent that finds another boot id."""

    def __init__(self, boot_id: str) -> None:
        super().__init__(is_allowed=True)
        self.name, self.reboots = boot_id, 0

    def boot_id(self) -> str:
        return self.name

    def reboot(self) -> None:
        self.reboots += 1


@pytest.mark.parametrize(
    ("boot_id", "status"), [("second", AckStatus.SUCCEEDED), ("first", AckStatus.FAILED)]
)
async def test_a_reboot_is_answered_by_the_start_after_it_if_the_machine_did_restart(
    server: SocketStub, config: AgentConfig, boot_id: str, status: AckStatus
) -> None:
    power = OtherBoot("first")
    store_identity(config, server.url)
    async with running(config, power=power):
        connection = await server.next_connection()
        await connection.send(asking(server, "c1", "reboot"))
        await connection.expect(Ack)
        while not power.reboots:
            await asyncio.sleep(0.01)
        await connection.send(messages.Cancel("c1"))
        assert (await connection.expect(Ack)).status is AckStatus.ACCEPTED, "too late to stop"
    async with running(config, power=OtherBoot(boot_id)):
        told = await outcome(await server.next_connection(), "c1")
    assert told.status is status
    assert told.result == ({"rebooted": True} if status is AckStatus.SUCCEEDED else None)


async def test_diagnostics_tell_how_far_they_are_and_what_they_found(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        checks = ["disk", "clock", "network", "nonsense"]
        await connection.send(asking(server, "c1", "run_diagnostics", checks=checks))
        told = [await connection.expect(Ack) for _ in range(6)]
    progress = [ack.progress.percent for ack in told if ack.progress is not None]
    assert progress == [0, 25, 50, 75]
    assert told[-1].status is AckStatus.SUCCEEDED
    assert told[-1].result is not None
    found = told[-1].result["checks"]
    assert list(found) == checks
    assert found["disk"]["free_mb"] > 0
    assert abs(found["clock"]["behind_server_s"]) < 5
    assert not found["network"]["ok"], "nothing listens at the address of this configuration"
    assert found["nonsense"] == {"ok": False, "error": "unknown_check"}


async def test_a_cancelled_command_ends_at_once_and_one_that_never_came_stays_barred(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        await connection.send(asking(server, "c1", "reboot", delay_s=3600))
        await connection.expect(Ack)
        for command_id in ("c1", "c2"):
            await connection.send(messages.Cancel(command_id))
            assert (await connection.expect(Ack)).status is AckStatus.CANCELLED
        for command_id in ("c1", "c2"):
            await connection.send(asking(server, command_id, "reboot"))
            assert (await connection.expect(Ack)).status is AckStatus.CANCELLED


async def test_work_goes_on_without_a_connection_and_is_told_over_the_next(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        await connection.send(asking(server, "c1", "reboot", delay_s=0.3))
        await connection.expect(Ack)
        await connection.close(1001)
        told = await outcome(await server.next_connection(), "c1")
    assert told.status is AckStatus.SUCCEEDED


async def test_what_a_kill_cut_short_is_answered_after_the_restart_and_not_run_again(
    server: SocketStub, config: AgentConfig
) -> None:
    store_identity(config, server.url)
    run = ("run", "--url", config.url, "--state-dir", str(config.state_dir))
    agent = await start(*run, DEVICE_PROVISION_KEY="k")
    try:
        connection = await server.next_connection()
        await connection.send(asking(server, "c1", "reboot", delay_s=3600))
        assert (await connection.expect(Ack)).status is AckStatus.ACCEPTED
        os.kill(agent.pid, signal.SIGKILL)
        await agent.wait()
        agent = await start(*run, DEVICE_PROVISION_KEY="k")
        connection = await server.next_connection()
        told = await outcome(connection, "c1")
        await connection.send(asking(server, "c1", "reboot", delay_s=3600))
        repeated = await connection.expect(Ack)
    finally:
        agent.kill()
        await agent.wait()
    assert (told.status, told.error) == (AckStatus.FAILED, "interrupted")
    assert (repeated.status, repeated.error) == (AckStatus.FAILED, "interrupted")


async def test_a_configuration_is_kept_and_confirmed_and_an_older_one_changes_nothing(
    server: SocketStub, run_agent: AgentStarter, config: AgentConfig
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        await connection.send(messages.Config(4, {"relay_names": ["Lamp"]}))
        assert await connection.expect(messages.ConfigApplied) == messages.ConfigApplied(4)
        kept = json.loads((config.state_dir / "agreed.json").read_text())["config"]
        await connection.send(messages.Config(3, {}))
        assert await connection.expect(messages.ConfigApplied) == messages.ConfigApplied(4)
        command = asking(server, "c1", "update_config", version=5, config={"a": 1})
        await connection.send(command)
        assert await connection.expect(messages.ConfigApplied) == messages.ConfigApplied(5)
    assert kept == {"version": 4, "document": {"relay_names": ["Lamp"]}}
    assert stat.S_IMODE((config.state_dir / "agreed.json").stat().st_mode) == 0o600
    async with run_agent(server):
        report = await (await server.next_connection()).expect(TwinReported)
    assert report.document is not None
    assert report.document["config_version"] == 5


@pytest.mark.parametrize("told", [4, 0, 12])
async def test_a_server_that_knows_another_version_is_told_the_one_in_force(
    server: SocketStub, run_agent: AgentStarter, told: int
) -> None:
    """It was restored from a backup, or never had this device; or the device was set back."""
    async with run_agent(server):
        connection = await server.next_connection()
        await connection.send(messages.Config(9, {"a": 9}))
        await connection.send(messages.TwinDesired(9, {"report_interval_s": 30}))
        await connection.expect(messages.ConfigApplied)
        while (await acknowledged(connection)).desired_version != 9:
            pass
    server.config_version = told
    async with run_agent(server):
        connection = await server.next_connection()
        assert await connection.expect(messages.ConfigApplied) == messages.ConfigApplied(9)
        assert (await acknowledged(connection)).desired_version == 9
        await connection.send(messages.Config(10, {"a": 4}))
        assert await connection.expect(messages.ConfigApplied) == messages.ConfigApplied(10)


def test_what_was_said_late_names_the_configuration_in_force(tmp_path: Path) -> None:
    agreements = Agreements(tmp_path / "agreed.json")
    agreements.take_config(5, {"a": 5})

    class Wire:
        sent: list[str] = []

        async def send(self, frame: str) -> None:
            self.sent.append(frame)

    machine: Any = SimpleNamespace(
        agreements=agreements,
        worker=SimpleNamespace(
            changed=asyncio.Event(), news=lambda: [messages.ConfigApplied(4)], untold=list
        ),
        state=dict,
    )

    async def tell() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(Session(machine)._tell(Wire()), 0.05)  # type: ignore[arg-type]

    asyncio.run(tell())
    assert codec.decode_up(Wire.sent[0]) == messages.ConfigApplied(5)


def test_what_could_not_be_written_down_is_not_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreements = Agreements(tmp_path / "agreed.json")
    agreements.take_config(4, {"a": 4})
    machine: Any = SimpleNamespace(agreements=agreements, state=dict)

    def full(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(durable_file, "write", full)
    session = Session(machine)
    said = codec.decode_up(session._take_config(messages.Config(5, {"a": 5})))
    assert said == messages.ConfigApplied(5, "no space left")
    session._take_desired(messages.TwinDesired(5, {"a": 5}))
    asyncio.run(session._report(None))  # type: ignore[arg-type]
    assert (agreements.config.version, agreements.desired.version) == (4, 0)


def test_a_reboot_is_forgotten_only_once_its_outcome_is_remembered(tmp_path: Path) -> None:
    agreements = Agreements(tmp_path / "agreed.json")
    agreements.note_reboot("c1", boot_id="first")

    def workshop() -> Workshop:
        found = Agreements(tmp_path / "agreed.json")
        return Workshop(agreements=found, diagnostics=Any, power=OtherBoot("second"))  # type: ignore[arg-type]

    class Killed(Exception):
        pass

    def kill(_: Ack) -> None:
        raise Killed

    told: list[Ack] = []
    with pytest.raises(Killed):
        Worker(SimpleNamespace(finish=kill), workshop())  # type: ignore[arg-type]
    for _ in range(2):
        Worker(SimpleNamespace(finish=told.append), workshop())  # type: ignore[arg-type]
    assert [(ack.command_id, ack.status) for ack in told] == [("c1", AckStatus.SUCCEEDED)]


def test_a_result_that_is_too_large_is_left_out() -> None:
    """With it in its memory the agent would not start again."""
    assert _fitting({"a": 1}) == {"a": 1}
    assert _fitting({"a": "x" * 20_000}) == {"left_out": "too_large"}


async def acknowledged(connection: DeviceConnection) -> TwinReported:
    report = await connection.expect(TwinReported)
    await connection.send(messages.TwinAck(report.report_id or "", 1))
    return report


async def test_it_reports_itself_takes_over_what_it_understands_and_keeps_its_count(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        first = await acknowledged(connection)
        desired = {"report_interval_s": 30, "colour": "red"}
        await connection.send(messages.TwinDesired(7, desired))
        second = await acknowledged(connection)
        await connection.send(messages.TwinDesired(7, desired))
        whole = await acknowledged(connection)
    assert first.document is not None
    assert (first.document["report_interval_s"], first.desired_version) == (60.0, 0)
    assert (second.patch, second.desired_version) == ({"report_interval_s": 30.0}, 7)
    assert whole.document is not None, "who asks again has not heard"
    async with run_agent(server):
        after = await acknowledged(await server.next_connection())
    assert after.document == whole.document
    numbers = [report.seq for report in (first, second, whole, after)]
    assert numbers == sorted({number or 0 for number in numbers})


async def test_it_learns_and_sends_infrared_through_files(
    server: SocketStub, run_agent: AgentStarter, config: AgentConfig
) -> None:
    state: Path = config.state_dir
    async with run_agent(server, infrared="file"):
        connection = await server.next_connection()
        await connection.send(asking(server, "c1", "ir_learn", name="tv", timeout_s=30))
        await connection.expect(Ack)
        (state / RECEIVED_FILE).write_text(json.dumps(CODE))
        learned = await connection.expect(messages.IrLearned)
        done = await outcome(connection, "c1")
        await connection.send(asking(server, "c2", "ir_transmit", **CODE, repeat=3))
        assert (await outcome(connection, "c2")).status is AckStatus.SUCCEEDED
        await connection.send(asking(server, "c3", "ir_learn", timeout_s=1))
        failed = await outcome(connection, "c3")
    assert learned == messages.IrLearned("c1", 38_000, (9000, 4500, 560, 560))
    assert done.result == CODE
    (line,) = (state / SENT_FILE).read_text().splitlines()
    assert json.loads(line) == {"command_id": "c2", **CODE, "repeat": 3}
    assert (failed.status, failed.error) == (AckStatus.FAILED, "nothing_learned")


async def test_without_infrared_it_says_so(server: SocketStub, run_agent: AgentStarter) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        await connection.send(asking(server, "c1", "ir_transmit", **CODE))
        ack = await connection.expect(Ack)
    assert (ack.status, ack.error) == (AckStatus.REJECTED, "unsupported")
