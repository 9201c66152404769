"""`homepot-agent register --site`: once, with a key nobody else sees, and never a second time."""

import asyncio
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.agent import config as config_module
from edge.agent import identity, provisioning, registration
from edge.agent.config import AgentConfig
from edge.agent.durable_file import DirectoryLock, prepare_directory
from edge.agent.errors import AccessRefused, KeyExposed, StateDirectoryBusy
from edge.protocol import messages
from tests.edge.conftest import store_identity
from tests.edge.homepot_stub import SocketStub
from tests.edge.lives_stub import ACCESS_TOKEN, PROVISION_KEY, Lives, lives_stub
from tests.edge.test_agent_process import start

STORE = "/api/v1/devices/sites/store-12/devices"


@pytest.fixture
def lives() -> Iterator[Lives]:
    with lives_stub() as stub:
        yield stub


@pytest.fixture
def till(config: AgentConfig, lives: Lives) -> AgentConfig:
    return replace(config, url=lives.url, site_id="store-12", device_id="till-1")


async def finished_process(*arguments: str, **environment: str) -> tuple[int | None, str, str]:
    process = await start(*arguments, **environment)
    output, log = await process.communicate()
    return process.returncode, output.decode(), log.decode()


async def test_it_registers_once_and_says_so_the_second_time(lives: Lives, tmp_path: Path) -> None:
    state = tmp_path / "state"
    arguments = (
        *("register", "--site", "store-12", "--device-id", "till-1", "--name", "Till 1"),
        *("--url", lives.url, "--state-dir", str(state), "--relays", "2"),
    )
    code, output, log = await finished_process(*arguments, DEVICE_PROVISION_KEY=PROVISION_KEY)
    assert (code, log) == (0, "")
    assert output == f"device life-1 at {lives.url}, till-1 of site store-12\n"
    asked = lives.registrations[0]
    assert (asked.path, asked.headers["X-Provision-Key"]) == (STORE, PROVISION_KEY)
    assert asked.body == {
        "device_id": "till-1",
        "name": "Till 1",
        "device_type": "homepot_agent",
        "device_class": "server",
        "capabilities": ["relay", "telemetry"],
        "relay_count": 2,
        "ip_address": "127.0.0.1",
    }
    key = state / ".device_api_key"
    assert key.read_text().strip() == "secret-key-1"
    assert key.stat().st_mode & 0o777 == 0o600

    code, output, log = await finished_process(*arguments, DEVICE_PROVISION_KEY=PROVISION_KEY)
    assert code == 0
    assert "nothing was changed" in output and "unpair" in output
    assert len(lives.registrations) == 1
    code, output, _ = await finished_process("status", "--json", "--state-dir", str(state))
    shown = json.loads(output)
    assert (shown["site"], shown["device_id"]) == ("store-12", "till-1")
    assert "secret-key-1" not in output + log


async def test_run_uses_what_register_stored_and_registers_where_nothing_is(
    server: SocketStub, lives: Lives, tmp_path: Path
) -> None:
    for folder, first in ((tmp_path / "one", "register"), (tmp_path / "two", "run")):
        options = ("--site", "store-12", "--url", lives.url, "--state-dir", str(folder))
        if first == "register":
            await finished_process(first, *options, HOMEPOT_ACCESS_TOKEN=ACCESS_TOKEN)
        # No socket at the stub: what counts is whom the agent says it is.
        agent = await start("run", *options, HOMEPOT_ACCESS_TOKEN=ACCESS_TOKEN)
        assert agent.stdout is not None
        line = await asyncio.wait_for(agent.stdout.readline(), 10)
        agent.kill()
        _, log = await agent.communicate()
        assert b"of site store-12" in line
        assert ACCESS_TOKEN.encode() not in line + log
    assert len(lives.registrations) == 2
    assert lives.registrations[0].headers["Authorization"] == f"Bearer {ACCESS_TOKEN}"
    assert "X-Provision-Key" not in lives.registrations[0].headers


def test_a_device_that_was_unpaired_may_be_registered_anew(lives: Lives, till: AgentConfig) -> None:
    first, is_new = registration.register_once(till)
    assert is_new
    assert registration.register_once(till) == (first, False)
    lives.end_life("life-1")
    second, is_new = registration.register_once(till)
    assert (second.device_uid, is_new) == ("life-2", True)
    assert lives.registrations[1].headers["X-API-Key"] == "secret-key-1"
    assert identity.load(till.state_dir) == second
    assert identity.load_former(till.state_dir) is None


def test_a_server_that_is_away_changes_nothing(till: AgentConfig) -> None:
    me = store_identity(replace(till, url="http://127.0.0.1:9"), "ws://127.0.0.1:9/ws/device")
    assert registration.register_once(till) == (me, False)


def test_it_waits_for_no_agent_that_runs(lives: Lives, till: AgentConfig) -> None:
    prepare_directory(till.state_dir)
    lock = DirectoryLock(till.state_dir)
    with pytest.raises(StateDirectoryBusy):
        registration.register_once(till)
    lock.release()
    assert lives.requests == []


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (401, "not_authenticated", "DEVICE_PROVISION_KEY"),
        (404, "not_found", "--site"),
        (409, "already_registered", "--device-id"),
        (409, "already_paired", "already paired"),
        (400, "validation_error", "HTTP 400"),
    ],
)
def test_a_refusal_says_what_to_do(
    status: int, code: str, sentence: str, lives: Lives, till: AgentConfig
) -> None:
    lives.refuse_with = (status, {"code": code, "message": "no"})
    with pytest.raises(AccessRefused) as refusal:
        registration.register_once(till)
    assert sentence in str(refusal.value)
    lives.refuse_with = None
    assert registration.register_once(till)[1], "the refused request is not in the way"
    keys = {request.headers["Idempotency-Key"] for request in lives.registrations}
    assert len(keys) == 2


def test_without_any_authority_the_sentence_names_both(till: AgentConfig) -> None:
    with pytest.raises(AccessRefused, match=r"DEVICE_PROVISION_KEY.*HOMEPOT_ACCESS_TOKEN"):
        registration.register_once(replace(till, provision_key=""))


def test_a_refused_access_token_is_not_taken_for_a_provisioning_key(till: AgentConfig) -> None:
    wrong = replace(till, provision_key="", access_token="expired")
    with pytest.raises(AccessRefused, match="HOMEPOT_ACCESS_TOKEN"):
        registration.register_once(wrong)


def test_the_access_token_never_shows_in_a_representation(till: AgentConfig) -> None:
    assert ACCESS_TOKEN not in repr(replace(till, access_token=ACCESS_TOKEN))


@pytest.mark.parametrize(
    ("node", "device_id"),
    [
        ("till-1", "till-1"),
        ("Kasse 3.läden.example", "kasse-3-l-den-example"),
        ("--", "homepot-agent"),
        ("", "homepot-agent"),
        ("x" * 80, "x" * 64),
    ],
)
def test_the_device_id_is_a_safe_form_of_the_host_name(
    node: str, device_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_module.platform, "node", lambda: node)
    assert config_module.default_device_id() == device_id


def test_the_address_is_the_one_the_server_is_reached_from(monkeypatch: pytest.MonkeyPatch) -> None:
    assert provisioning._own_address("http://127.0.0.1:8000") == "127.0.0.1"

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert provisioning._own_address("http://homepot.example") is None


async def test_a_key_file_that_others_can_read_is_refused_with_the_cure(
    config: AgentConfig,
) -> None:
    store_identity(config, "ws://127.0.0.1:9/ws/device")
    key = config.state_dir / identity.KEY_FILE
    key.chmod(0o640)
    with pytest.raises(KeyExposed, match="chmod 600"):
        identity.load(config.state_dir)
    code, _, log = await finished_process("run", "--state-dir", str(config.state_dir))
    assert code == 5
    assert "chmod 600" in log and "Traceback" not in log
    key.chmod(0o600)
    assert identity.load(config.state_dir) is not None


async def test_the_board_of_register_is_the_board_of_run(
    server: SocketStub, tmp_path: Path
) -> None:
    with lives_stub(server.url) as lives:
        agent = await start(
            *("run", "--url", lives.url, "--state-dir", str(tmp_path), "--relays", "3"),
            DEVICE_PROVISION_KEY=PROVISION_KEY,
        )
        report = await (await server.next_connection()).expect(messages.StateReport)
        agent.kill()
        output, _ = await agent.communicate()
    assert len(report.relays) == lives.registrations[0].body["relay_count"] == 3
    assert b"claim code" not in output, "a batch key needs no claim"
