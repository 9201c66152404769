"""The order of what the agent tells about its relays."""

from typing import Any

from edge.protocol.messages import Ack, SetAllRelays, SetRelay, StateReport
from tests.edge.homepot_stub import SocketStub


async def test_acks_and_reports_are_numbered_within_a_session(
    server: SocketStub, run_agent: Any
) -> None:
    async with run_agent(server):
        for _ in range(2):
            connection = await server.next_connection()
            report = await connection.expect(StateReport)
            assert report.state_seq == 0
            deadline = server.now().replace(year=2099)
            await connection.send(SetRelay("c1", 0, True, deadline))
            await connection.send(SetAllRelays("c2", False, deadline))
            numbers = [(await connection.expect(Ack)).state_seq for _ in range(2)]
            assert numbers == [1, 2]
            await connection.close(1012)
