"""Known secrets go over every route and wire at LOG_LEVEL=DEBUG, and are found nowhere after."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.architecture.routes import routes
from tests.factories.installation import Installation, eventually
from tests.faults.scripted_device import ScriptedDevice, on_the_wire
from tests.product import ProductProcess
from tests.server_process import LOOPBACK

pytestmark = [pytest.mark.e2e, pytest.mark.fault, pytest.mark.embedded_only]
WRONG_CODE = "ZQ7K-9WXV"


def test_no_secret_is_logged_or_stored(start_product: Any) -> None:
    home = Installation(
        start_product("embedded", LOG_LEVEL="DEBUG", HOMEPOT_DEVICE_TOKEN_IN_QUERY="1")
    )
    known = ordinary_life(home) | mistaken_life(home)
    canary = secrets.token_urlsafe(24)
    known["what every route was shown"] = canary
    show_to_every_route(home, canary)
    show_to_every_socket(home, canary)
    known |= {"code without its dash": WRONG_CODE.replace("-", "")}

    home.product.stop()
    log = home.product.log()
    assert "DEBUG" in log or '"level"' in log
    for name, secret in known.items():
        assert secret not in log, f"the log tells {name}"
        for path in stored_files(home.product):
            assert secret.encode() not in path.read_bytes(), f"{path.name} tells {name}"


def ordinary_life(home: Installation) -> dict[str, str]:
    """Everything goes well; returns the secrets that were used or handed out."""
    first = home.sign_in()
    password = f"{secrets.token_urlsafe(16)} horse"
    person = {"email": "eve@example.com", "password": password, "display_name": "Eve"}
    registered = home.call("POST", "/api/v1/auth/register", person, is_public=True)
    assert registered.status == 201, registered
    refresh = {"refresh_token": first["refresh_token"]}
    renewed = home.call("POST", "/api/v1/auth/refresh", refresh, is_public=True).body
    ticket = home.call("POST", "/api/v1/auth/ws-ticket", {}).body["ticket"]
    with connect(f"{home.product.ws_url}/ws/client?ticket={ticket}") as browser:
        assert json.loads(browser.recv(timeout=5))["type"] == "hello"
    old = home.provision("board")
    made = home.new_device("board")
    device = ScriptedDevice(home.product.ws_url, made["device_uid"], made["device_token"])
    with on_the_wire(device):
        assert device.is_welcomed.wait(10)
        key = secrets.token_urlsafe(16)
        answer = home.switch(device.uid, 0, True, **{"Idempotency-Key": key})
        assert answer.status == 200
    by_address = f"{home.product.ws_url}/ws/device?uid={device.uid}&token={device.token}"
    with connect(by_address) as socket:
        assert json.loads(socket.recv(timeout=5))["type"] == "welcome"
    with connect(f"{home.product.ws_url}/ws/device") as socket:
        socket.send(json.dumps({"type": "auth", "uid": device.uid, "token": device.token}))
        assert json.loads(socket.recv(timeout=5))["type"] == "welcome"
    return {
        "the administrator's password": home.product.admin_password,
        "a user's password": password,
        "an access token": first["access_token"],
        "its signature": first["access_token"].rpartition(".")[2],
        "a refresh token": first["refresh_token"],
        "its successor": renewed["refresh_token"],
        "a ticket": ticket,
        "the provisioning key": home.product.provision_key,
        "a replaced device token": old["device_token"],
        "a device token": made["device_token"],
        "a replaced claim code": old["claim_code"],
        "a claim code": made["claim_code"],
        "an idempotency key": key,
    }


def mistaken_life(home: Installation) -> dict[str, str]:
    """Everything goes wrong; what people mistype is a secret too."""
    password, token, key = (secrets.token_urlsafe(20) for _ in range(3))
    login = {"email": home.product.admin_email, "password": password}
    assert home.call("POST", "/api/v1/auth/login", login, is_public=True).status == 401
    # The password typed into the wrong field.
    login = {"email": password, "password": password}
    assert home.call("POST", "/api/v1/auth/login", login, is_public=True).status in {400, 401}
    refresh = {"refresh_token": token}
    assert home.call("POST", "/api/v1/auth/refresh", refresh, is_public=True).status == 401
    assert home.claim(WRONG_CODE).status == 404
    body = {"hardware_id": "x", "device_class": "server", "provision_key": key}
    assert home.call("POST", "/api/v1/provision/register", body, is_public=True).status == 401
    return {
        "a mistyped password": password,
        "a wrong refresh token": token,
        "a wrong key": key,
        "a wrong claim code": WRONG_CODE,
    }


def show_to_every_route(home: Installation, canary: str) -> None:
    """Send the canary in headers, address and body of every route and method."""
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {canary}",
        "X-API-Key": canary,
        "X-Provision-Key": canary,
        "Idempotency-Key": canary,
        "X-CSRFToken": canary,
        "Cookie": f"homepot_session={canary}; homepot_csrf={canary}",
    }
    names = ("password", "token", "device_token", "refresh_token", "claim_code", "provision_key")
    body = json.dumps(dict.fromkeys((*names, "ticket", "secret"), canary))
    for route in routes():
        for path in {route.path, f"{route.path}?token={canary}&ticket={canary}&api_key={canary}"}:
            connection = http.client.HTTPConnection(LOOPBACK, home.product.port, timeout=30)
            connection.request(route.method, path, body, headers)
            assert connection.getresponse().status < 500, route
            connection.close()


def show_to_every_socket(home: Installation, canary: str) -> None:
    """Send the canary in every way a socket takes credentials, and in frames."""
    tries: list[tuple[str, dict[str, str]]] = [
        (f"/ws/device?uid=x&token={canary}", {}),
        ("/ws/device", {"Authorization": f"Bearer {canary}", "X-Device-ID": "x"}),
        ("/ws/device", {}),
        (f"/ws/client?ticket={canary}", {}),
        ("/ws/client", {"Cookie": f"homepot_session={canary}", "Origin": home.product.base_url}),
        (f"/ws/nowhere?token={canary}", {"Authorization": f"Bearer {canary}"}),
    ]
    frames = ({"type": "auth", "uid": "x", "token": canary}, {"type": canary}, {canary: canary})
    for path, headers in tries:
        for frame in frames:
            with (
                contextlib.suppress(WebSocketException, OSError, TimeoutError),
                connect(f"{home.product.ws_url}{path}", additional_headers=headers) as socket,
            ):
                socket.send(json.dumps(frame))
                socket.recv(timeout=2)
    eventually(lambda: home.call("GET", "/health", is_public=True).status == 200)


def stored_files(product: ProductProcess) -> list[Path]:
    """The database with everything that belongs to it."""
    found = [path for path in (product.folder / "data").glob("*sqlite3*") if path.is_file()]
    assert found
    return found
