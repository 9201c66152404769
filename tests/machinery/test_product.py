"""The product starts, stops and survives a kill as a process, on both backends."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from tests.product import ProductProcess
from tests.services import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.postgres, pytest.mark.redis]
both = pytest.mark.parametrize("live_server_process", ["embedded", "production"], indirect=True)


def logged_in(product: ProductProcess) -> bool:
    request = urllib.request.Request(
        f"{product.base_url}/api/v1/auth/login",
        data=json.dumps(
            {"email": product.admin_email, "password": product.admin_password}
        ).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bool(answer.status == 200)


@both
def test_the_administrator_can_sign_in_before_and_after_a_kill(
    live_server_process: ProductProcess,
) -> None:
    assert logged_in(live_server_process)
    live_server_process.kill9()
    live_server_process.start()
    assert logged_in(live_server_process)


@both
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_it_ends_cleanly(live_server_process: ProductProcess, number: int) -> None:
    assert live_server_process.stop(number) == 0, live_server_process.log()
    assert "Traceback" not in live_server_process.log()


@both
def test_the_health_check_of_the_image_sees_it(live_server_process: ProductProcess) -> None:
    check = [sys.executable, str(ROOT / "deploy" / "healthcheck.py")]
    environment = {"PATH": os.environ["PATH"], "PORT": str(live_server_process.port)}
    environment["ALLOWED_HOSTS"] = "localhost"
    assert subprocess.run(check, env=environment, check=False).returncode == 0
    live_server_process.kill9()
    assert subprocess.run(check, env=environment, check=False).returncode == 1
