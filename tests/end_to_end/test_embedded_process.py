"""Starting, refusing to start, and ending the embedded product as a process."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.factories.installation import Installation
from tests.faults.scripted_device import ScriptedDevice, on_the_wire
from tests.product import MANAGE, ProductProcess
from tests.server_process import LOOPBACK, free_port
from tests.services import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.embedded_only]
STOPPED_WITHIN_S = 10


def run_embedded(product: ProductProcess, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start another server that is expected to end by itself."""
    return subprocess.run(
        [*MANAGE, "run_embedded"],
        env={**product.environment, **environment},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode != 0
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert all(word in lines[0] for word in words), lines


def test_a_second_server_on_the_same_data_is_refused_in_one_sentence(start_product: Any) -> None:
    product = start_product("embedded")
    done = run_embedded(product, PORT=str(free_port()))
    assert_one_sentence(done, "Another Homepot", "HOMEPOT_DATA_DIR")
    assert Installation(product).sign_in()


def test_a_taken_port_is_refused_in_one_sentence(start_product: Any, tmp_path: Path) -> None:
    product = start_product("embedded")
    done = run_embedded(product, HOMEPOT_DATA_DIR=str(tmp_path / "other"))
    assert_one_sentence(done, str(product.port), "PORT=")


def test_a_wrong_setting_is_refused_by_name(start_product: Any, tmp_path: Path) -> None:
    product = start_product("embedded")
    done = run_embedded(product, HOMEPOT_DATA_DIR=str(tmp_path), WEB_THREADS="many")
    assert done.returncode != 0
    assert "WEB_THREADS must be a whole number" in done.stderr


def test_a_second_start_keeps_all_data(start_product: Any) -> None:
    home = Installation(start_product("embedded"))
    made = home.new_device("board")
    device = ScriptedDevice(home.product.ws_url, made["device_uid"], made["device_token"])
    with on_the_wire(device):
        assert device.is_welcomed.wait(10)
        assert home.switch(device.uid, 1, True).status == 200
        before = (home.commands(device.uid), home.positions(device.uid))
        refresh = home.sign_in()["refresh_token"]
        device.is_welcomed.clear()
        home.product.restart()
        assert device.is_welcomed.wait(10)
        assert (home.commands(device.uid), home.positions(device.uid)) == before
        body = {"refresh_token": refresh}
        assert home.call("POST", "/api/v1/auth/refresh", body, is_public=True).status == 200
        assert "Password " not in home.product.log()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_everything_ends_within_ten_seconds_while_clients_hang_on(
    start_product: Any, number: int
) -> None:
    home = Installation(start_product("embedded"))
    made = home.new_device("board")
    device = ScriptedDevice(home.product.ws_url, made["device_uid"], made["device_token"])
    with on_the_wire(device), socket.create_connection((LOOPBACK, home.product.port)) as half:
        assert device.is_welcomed.wait(10)
        half.sendall(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        asked_at = time.monotonic()
        code = home.product.stop(number)
        assert time.monotonic() - asked_at < STOPPED_WITHIN_S
        assert code == 0, home.product.log()
        device.stop()
        assert device.close_codes[:1] in ([1012], [1001], [1000]), device.close_codes
    assert "Traceback" not in home.product.log()


def test_the_demo_leaves_no_process_behind(start_product: Any) -> None:
    product = start_product("embedded", HOMEPOT_DEMO="1")
    home = Installation(product)
    (server,) = product.pids
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not children_of(server):
        time.sleep(0.1)
    children = children_of(server)
    assert children, product.log()
    asked_at = time.monotonic()
    assert product.stop(signal.SIGINT) == 0
    assert time.monotonic() - asked_at < STOPPED_WITHIN_S
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert home.product.pids == []


def children_of(pid: int) -> list[int]:
    """Process ids of the direct children."""
    found = [
        int(child)
        for task in Path(f"/proc/{pid}/task").glob("*/children")
        for child in task.read_text(encoding="ascii").split()
    ]
    return sorted(found)


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv (util-linux)")
def test_a_killed_server_takes_its_demo_with_it(start_product: Any) -> None:
    product = start_product("embedded", HOMEPOT_DEMO="1")
    (server,) = product.pids
    deadline = time.monotonic() + 30
    while len(children := children_of(server)) < 2:
        assert time.monotonic() < deadline, product.log()
        time.sleep(0.1)
    product.kill9()
    deadline = time.monotonic() + STOPPED_WITHIN_S
    while running := [pid for pid in children if is_running(pid)]:
        assert time.monotonic() < deadline, running
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    """Whether the process does anything; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1]
    except FileNotFoundError:
        return False
    return state.split()[0] != "Z"
