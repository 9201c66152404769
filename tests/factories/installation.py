"""A running installation as its administrator uses it, over HTTP."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from tests.product import ProductProcess
from tests.server_process import LOOPBACK

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """One answer of the API."""

    status: int
    headers: dict[str, str]
    body: Any


class Installation:
    """Talks to one product process as its administrator; signs in when first needed."""

    def __init__(self, product: ProductProcess) -> None:
        self.product = product
        self._token = ""

    def sign_in(self) -> dict[str, Any]:
        """Log in; returns the tokens."""
        self._token = ""
        login = {"email": self.product.admin_email, "password": self.product.admin_password}
        answer = self.call("POST", "/api/v1/auth/login", login, is_public=True)
        assert answer.status == 200, answer
        self._token = answer.body["access_token"]
        return cast(dict[str, Any], answer.body)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        is_public: bool = False,
        **headers: str,
    ) -> Answer:
        """One request, on a connection of its own."""
        sent = {"Content-Type": "application/json", **headers}
        if not is_public:
            if not self._token:
                self.sign_in()
            sent["Authorization"] = f"Bearer {self._token}"
        connection = http.client.HTTPConnection(LOOPBACK, self.product.port, timeout=40)
        try:
            raw = None if body is None else json.dumps(body)
            connection.request(method, path, raw, sent)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        shown = {name.lower(): value for name, value in response.getheaders()}
        is_json = "json" in shown.get("content-type", "")
        return Answer(response.status, shown, json.loads(content) if is_json else content)

    def provision(self, hardware_id: str, *, relay_count: int = 4) -> dict[str, Any]:
        """Register hardware; returns its credentials."""
        body = {
            "hardware_id": hardware_id,
            "device_class": "relay_controller",
            "relay_count": relay_count,
            "provision_key": self.product.provision_key,
        }
        answer = self.call("POST", "/api/v1/provision/register", body, is_public=True)
        assert answer.status == 201, answer
        return cast(dict[str, Any], answer.body)

    def claim(self, code: str) -> Answer:
        """Take a device in."""
        return self.call("POST", "/api/v1/devices/claim", {"claim_code": code})

    def new_device(self, hardware_id: str) -> dict[str, Any]:
        """A claimed device; returns its credentials."""
        made = self.provision(hardware_id)
        assert self.claim(made["claim_code"]).status == 200
        return made

    def switch(self, uid: str, index: int, is_on: bool, *, wait: float = 5, **more: str) -> Answer:
        """Ask for a relay to be switched."""
        path = f"/api/v1/devices/{uid}/relays/{index}/commands"
        return self.call("POST", path, {"is_on": is_on, "wait": wait}, **more)

    def positions(self, uid: str) -> list[bool | None]:
        """What the server knows of the relays."""
        relays = self.call("GET", f"/api/v1/devices/{uid}/relays").body["relays"]
        return [relay["is_on"] for relay in relays]

    def connectivity(self, uid: str) -> str:
        """Whether the device is there."""
        return str(self.call("GET", f"/api/v1/devices/{uid}").body["connectivity"])

    def commands(self, uid: str) -> list[dict[str, Any]]:
        """All commands of the device, newest first."""
        path, found = f"/api/v1/devices/{uid}/commands?page_size=200", []
        while path:
            page = self.call("GET", path).body
            found += page["items"]
            path = (page["next"] or "").removeprefix(self.product.base_url)
        return found

    def command(self, command_id: str) -> dict[str, Any]:
        """One command."""
        return cast(dict[str, Any], self.call("GET", f"/api/v1/commands/{command_id}").body)


def eventually(condition: Callable[[], T], *, within_s: float = 10, what: str = "") -> T:
    """The first true value of the condition; it is asked again and again until then."""
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, what or "it never became true"
        time.sleep(0.05)
