"""The agent as its owner meets it: a process without Django, with exit codes and signals."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edge.agent import VERSION
from edge.protocol import messages
from tests.edge.homepot_stub import SocketStub, provision_stub, provisioned

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "edge" / "pyproject.toml").read_text())

IMPORT_WITHOUT_DJANGO = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"django", "rest_framework", "channels", "kernel", "homepot"}:
            raise AssertionError(f"the agent imported {name}")

sys.meta_path.insert(0, Blocker())
import edge.agent.cli
import edge.protocol.topics
assert edge.agent.cli.main(["status", "--state-dir", sys.argv[1], "--json"]) == 0
"""


def environment(**extra: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"PYTHONPATH": str(ROOT)} | extra


async def start(*arguments: str, **extra: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "edge.agent", *arguments),
        env=environment(**extra),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def test_the_agent_needs_no_django(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_WITHOUT_DJANGO, str(tmp_path)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"state_dir": str(tmp_path), "provisioned": False}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_shows_the_claim_code_and_stops_within_two_seconds(
    number: signal.Signals, server: SocketStub, tmp_path: Path
) -> None:
    state = str(tmp_path / "state")
    with provision_stub(body=provisioned(server.url)) as api:
        agent = await start(
            *("run", "--url", api.url, "--state-dir", state, "--relays", "2"),
            *("--hardware-id", "hw-1", "--log-level", "debug"),
            DEVICE_PROVISION_KEY="the-provision-key",
        )
        await (await server.next_connection()).expect(messages.StateReport)
        agent.send_signal(number)
        async with asyncio.timeout(2):
            output, log = await agent.communicate()
    assert agent.returncode == 0, log
    assert b"claim code ABCD2345" in output
    for secret in (b"a-secret-device-token", b"the-provision-key"):
        assert secret not in output + log

    shown = await start("status", "--json", "--state-dir", state)
    output, _ = await shown.communicate()
    status = json.loads(output)
    assert status["claim_code"] == "ABCD2345"
    assert status["relays"] == [False, False]
    assert status["telemetry_pending"] == 1
    assert b"a-secret-device-token" not in output


async def test_a_killed_agent_comes_back_as_the_same_device_with_its_relays(
    server: SocketStub, tmp_path: Path
) -> None:
    arguments = ("run", "--state-dir", str(tmp_path), "--relays", "2", "--hardware-id", "hw-1")
    with provision_stub(body=provisioned(server.url)) as api:
        for life in range(2):
            agent = await start(*arguments, "--url", api.url, DEVICE_PROVISION_KEY="k")
            connection = await server.next_connection()
            report = await connection.expect(messages.StateReport)
            assert report.relays[1].is_on is (life == 1)
            await connection.send(messages.SetRelay("c1", 1, True, server.now().replace(year=2999)))
            await connection.expect(messages.Ack)
            agent.kill()
            await agent.communicate()
    assert len(api.requests) == 1


async def test_a_refused_provisioning_key_is_one_sentence_and_exit_code_three(
    tmp_path: Path,
) -> None:
    with provision_stub(status=401, body={"code": "not_authenticated"}) as api:
        agent = await start(
            *("run", "--url", api.url, "--state-dir", str(tmp_path)), DEVICE_PROVISION_KEY="wrong"
        )
        _, log = await agent.communicate()
    assert agent.returncode == 3
    assert log.decode().splitlines()[-1].startswith("homepot-agent: the server does not accept")
    assert b"Traceback" not in log


@pytest.mark.parametrize(
    "arguments",
    [
        ("--url", "homepot.example"),
        ("--relays", "257"),
        ("--interval", "0"),
        ("--driver", "gpio"),
        ("--driver", "gpio", "--gpio-pins", "17,x"),
    ],
)
async def test_what_cannot_work_is_said_at_once(arguments: tuple[str, ...], tmp_path: Path) -> None:
    agent = await start("run", "--state-dir", str(tmp_path), *arguments)
    _, log = await agent.communicate()
    assert agent.returncode == 2
    assert b"Traceback" not in log


def test_the_wheel_holds_the_agent_the_protocol_and_nothing_else() -> None:
    project, tool = PYPROJECT["project"], PYPROJECT["tool"]["setuptools"]
    assert project["name"] == "homepot-agent"
    assert project["version"] == VERSION
    assert project["scripts"] == {"homepot-agent": "edge.agent.cli:main"}
    assert {name.partition(">")[0] for name in project["dependencies"]} == {"psutil", "websockets"}
    assert tool["package-dir"] == {"edge": "."}
    on_disk = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for folder in ("agent", "protocol")
        for path in (ROOT / "edge" / folder).rglob("__init__.py")
    }
    assert set(tool["packages"]) == on_disk | {"edge"}
