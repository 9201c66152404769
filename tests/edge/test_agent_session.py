"""A connected agent keeps its duties, watched from a real server socket."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from edge.agent.config import AgentConfig
from edge.agent.drivers.file_board import FileBoard
from edge.agent.errors import AccessRefused, StateDirectoryBusy
from edge.agent.runner import Runner
from edge.protocol import messages
from edge.protocol.messages import AckStatus, RelayReading
from tests.edge.conftest import AgentStarter, finished
from tests.edge.homepot_stub import DeviceConnection, SocketStub, socket_stub


def set_relay(
    server: SocketStub, command_id: str, index: int, is_on: bool, *, lifetime_s: float = 30
) -> messages.SetRelay:
    expires_at = server.now() + timedelta(seconds=lifetime_s)
    return messages.SetRelay(command_id, index, is_on, expires_at)


async def answer_to(connection: DeviceConnection, command: messages.DownMessage) -> messages.Ack:
    await connection.send(command)
    return await connection.expect(messages.Ack)


async def test_it_authenticates_by_headers_and_reports_the_whole_board(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        report = await connection.expect(messages.StateReport)
    assert server.headers[0]["Authorization"] == "Bearer a-secret-device-token"
    assert server.headers[0]["X-Device-ID"] == "dev-under-test"
    assert "Origin" not in server.headers[0]
    assert report.relays == tuple(RelayReading(index, False) for index in range(4))
    assert report.firmware_version == "0.1.0"


async def test_it_switches_a_relay_and_the_file_holds_it_before_the_answer(
    server: SocketStub, run_agent: AgentStarter, config: AgentConfig
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        ack = await answer_to(connection, set_relay(server, "c1", 2, True))
        stored = FileBoard(config.state_dir / "board.json", relay_count=4)
    assert ack.status == AckStatus.SUCCEEDED
    assert ack.relays == (RelayReading(2, True),)
    assert stored.relays == (False, False, True, False)
    assert stored.ring.recall("c1") is not None


async def test_it_switches_all_relays_at_once(server: SocketStub, run_agent: AgentStarter) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        expires_at = server.now() + timedelta(seconds=30)
        ack = await answer_to(connection, messages.SetAllRelays("c1", True, expires_at))
    assert ack.relays == tuple(RelayReading(index, True) for index in range(4))


async def test_a_repeated_command_is_answered_again_and_not_run_again(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        first = await answer_to(connection, set_relay(server, "c1", 0, True))
        await answer_to(connection, set_relay(server, "c2", 0, False))
        repeated = await answer_to(connection, set_relay(server, "c1", 0, True))
    assert first.status == repeated.status == AckStatus.SUCCEEDED
    assert repeated.relays == (RelayReading(0, False),), "the position now, not the one of then"


async def test_a_command_is_remembered_across_a_restart(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        await answer_to(connection, set_relay(server, "c1", 1, True))
        await answer_to(connection, set_relay(server, "c2", 1, False))
    async with run_agent(server):
        connection = await server.next_connection()
        report = await connection.expect(messages.StateReport)
        repeated = await answer_to(connection, set_relay(server, "c1", 1, True))
    assert report.relays[1].is_on is False
    assert repeated.status == AckStatus.SUCCEEDED
    assert repeated.relays == (RelayReading(1, False),)


@pytest.mark.parametrize("skew", [timedelta(days=-4000), timedelta(0), timedelta(days=4000)])
async def test_a_deadline_is_judged_by_the_servers_clock(
    skew: timedelta, run_agent: AgentStarter
) -> None:
    async with socket_stub(clock_skew=skew) as server, run_agent(server):
        connection = await server.next_connection()
        late = await answer_to(connection, set_relay(server, "c1", 0, True, lifetime_s=-1))
        in_time = await answer_to(connection, set_relay(server, "c2", 1, True, lifetime_s=30))
    assert (late.status, late.error) == (AckStatus.REJECTED, "expired")
    assert in_time.status == AckStatus.SUCCEEDED


async def test_what_it_cannot_do_is_rejected_with_a_reason(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        missing = await answer_to(connection, set_relay(server, "c1", 9, True))
        expires_at = server.now() + timedelta(seconds=30)
        unknown = await answer_to(connection, messages.Command("c2", "fly", {}, expires_at))
    assert (missing.status, missing.error) == (AckStatus.REJECTED, "no_such_relay")
    assert (unknown.status, unknown.error) == (AckStatus.REJECTED, "unsupported")


async def test_a_board_that_cannot_be_written_fails_the_command_and_does_not_move(
    server: SocketStub, run_agent: AgentStarter, config: AgentConfig
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        await connection.expect(messages.StateReport)
        obstacle = config.state_dir / "board.json"
        obstacle.unlink()
        obstacle.mkdir()  # a rename onto a directory fails for root too
        (obstacle / "x").touch()
        ack = await answer_to(connection, set_relay(server, "c1", 0, True))
        (obstacle / "x").unlink()
        obstacle.rmdir()
        again = await answer_to(connection, set_relay(server, "c1", 0, True))
    assert (ack.status, ack.error, ack.relays) == (AckStatus.FAILED, "hardware_failed", None)
    assert again.status == AckStatus.SUCCEEDED, "what never ran may run when it is sent again"


async def test_heartbeats_come_as_often_as_the_welcome_asked(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        await connection.expect(messages.Heartbeat)
        await connection.expect(messages.Heartbeat)


async def test_real_figures_are_sent_and_kept_until_they_are_acknowledged(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        first = await connection.expect(messages.Telemetry)
    assert {"cpu_percent", "memory_percent", "disk_percent", "uptime_s"} <= set(
        first.readings[0].metrics
    )
    async with run_agent(server):
        connection = await server.next_connection()
        again = await connection.expect(messages.Telemetry)
        assert again == first, "without an acknowledgement the same reading comes again"
        await connection.send(messages.TelemetryAck(first.boot_id, first.readings[-1].seq))
        next_boot = await connection.expect(messages.Telemetry)
        assert next_boot.boot_id != first.boot_id
        assert [reading.seq for reading in next_boot.readings] == [0]


async def test_it_reconnects_and_reports_in_full_after_every_break(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        for code in (4001, 1013, 4409, 1011):
            connection = await server.next_connection()
            await connection.expect(messages.StateReport)
            await connection.close(code)
        await (await server.next_connection()).expect(messages.StateReport)


async def test_it_survives_what_it_does_not_understand(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        for frame in ('{"type":"from_the_future"}', "no json", '{"type":"set_relay"}', b"\xff"):
            await connection.socket.send(frame)
        await connection.send(messages.Error("unknown_type", "what?"))
        ack = await answer_to(connection, set_relay(server, "c1", 0, True))
    assert ack.status == AckStatus.SUCCEEDED


async def test_a_refused_device_stops_with_a_clear_sentence(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server, provision_key="") as task:
        await (await server.next_connection()).close(4401)
        with pytest.raises(AccessRefused, match="key") as stopped:
            await finished(task)
    assert stopped.value.exit_code == 3


async def test_the_server_decides_how_long_to_stay_away(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        await connection.send(messages.Error("unavailable", "full", retry_after=0.5))
        started = asyncio.get_running_loop().time()
        await connection.close(1013)
        await server.next_connection()
        assert asyncio.get_running_loop().time() - started >= 0.5


async def test_the_key_does_not_follow_a_redirect(
    server: SocketStub, run_agent: AgentStarter
) -> None:
    asked: list[str] = []

    def redirect(socket: ServerConnection, request: Request) -> Response:
        asked.append(request.path)
        return Response(307, "elsewhere", Headers({"Location": server.url}), b"")

    async with serve(lambda _: asyncio.sleep(0), "127.0.0.1", 0, process_request=redirect) as decoy:
        port = next(iter(decoy.sockets)).getsockname()[1]
        async with (
            run_agent(SocketStub(url=f"ws://127.0.0.1:{port}/ws/device")),
            asyncio.timeout(5),
        ):
            while len(asked) < 2:
                await asyncio.sleep(0.01)
    assert server.headers == []


async def test_two_agents_never_share_a_state_directory(
    server: SocketStub, run_agent: AgentStarter, config: AgentConfig
) -> None:
    async with run_agent(server):
        await server.next_connection()
        with pytest.raises(StateDirectoryBusy, match="another homepot-agent"):
            await Runner(replace(config, name="other"), announce=lambda _: None).run()


async def test_an_address_given_anew_is_used_instead_of_the_stored_one(
    server: SocketStub, run_agent: AgentStarter, config: AgentConfig
) -> None:
    moved_to = server.url.replace("ws:", "http:").removesuffix("/ws/device")
    async with socket_stub() as old_server:
        runner = Runner(replace(config, url=moved_to), announce=lambda _: None)
        async with run_agent(old_server):
            await old_server.next_connection()
        task = asyncio.create_task(runner.run())
        try:
            await (await server.next_connection()).expect(messages.StateReport)
        finally:
            runner.stop()
            await finished(task)


async def test_every_file_of_the_state_directory_is_private(
    server: SocketStub, run_agent: AgentStarter, config: AgentConfig
) -> None:
    async with run_agent(server):
        connection = await server.next_connection()
        await answer_to(connection, set_relay(server, "c1", 0, True))
        await connection.expect(messages.Telemetry)
        modes = {path.name: _mode(path) for path in config.state_dir.iterdir()}
    assert _mode(config.state_dir) == 0o700
    assert {"identity.json", "board.json", "telemetry.sqlite3"} <= set(modes)
    assert set(modes.values()) == {0o600}


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
