"""An installation worth looking at: sites, real agents, a simulated fleet, and one device that is gone.

The journeys, the pictures of the user guide and the checks of every page share it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from tests.product import MANAGE, ProductProcess
from tests.services import ROOT

_DEADLINE_S: Final = 40.0
SITES: Final = (
    {"name": "Harbour Street", "latitude": "53.545000", "longitude": "9.966000"},
    {"name": "Market Hall", "latitude": "52.520000", "longitude": "13.405000"},
    {"name": "Riverside", "latitude": "48.137000", "longitude": "11.575000"},
)
AGENTS: Final = (("Lobby board", "relay_controller"), ("Counter till", "pos_terminal"))
MIX: Final = "relay=3,pos=2,server=1,sensor=2,infrared=1"
# By class, in the order in which they are claimed.
_NAMES: Final = {
    "relay_controller": ["Oven row", "Cold room", "Shop window"],
    "pos_terminal": ["Till 1", "Till 2"],
    "server": ["Rack server"],
    "sensor_hub": ["Hall sensors", "Cellar sensors"],
    "ir_hub": ["Remote hub"],
}
_FLEET: Final = sum(map(len, _NAMES.values()))


class Visitor:
    """The administrator of a filled installation, over its API."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.base_url: str = told["base_url"]
        self.admin_email: str = told["admin_email"]
        self.admin_password: str = told["admin_password"]
        self.provision_key: str = told["provision_key"]
        self.devices: dict[str, str] = told["devices"]
        self.sites: list[str] = told["sites"]
        self.agents: list[int] = told["agents"]
        self.environment: dict[str, str] = told["environment"]
        self._http = httpx.Client(base_url=f"{self.base_url}/api/v1", timeout=30)
        login = {"email": self.admin_email, "password": self.admin_password}
        token = self.post("/auth/login", login)["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """What the API answers."""
        return _answer(self._http.post(path, json=body))

    def get(self, path: str) -> Any:
        """What the API answers."""
        return _answer(self._http.get(path))

    def patch(self, path: str, body: dict[str, Any], **headers: str) -> Any:
        """What the API answers."""
        return _answer(self._http.patch(path, json=body, headers=headers))

    def manage(self, *arguments: str) -> str:
        """Run a management command of the installation; returns what it printed."""
        done = subprocess.run(
            [*MANAGE, *arguments],
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stop_agent(self, number: int = 0) -> None:
        """Kill one of the agents, so that its device goes offline."""
        os.kill(self.agents[number], signal.SIGKILL)

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()


class Showroom(Visitor):
    """Fills a running installation; `close()` ends the devices, the installation stays its owner's."""

    def __init__(self, product: ProductProcess) -> None:
        self.product = product
        self._processes: list[subprocess.Popen[bytes]] = []
        super().__init__(
            {
                "base_url": product.base_url,
                "admin_email": product.admin_email,
                "admin_password": product.admin_password,
                "provision_key": product.provision_key,
                "devices": {},
                "sites": [],
                "agents": [],
                "environment": product.environment,
            }
        )

    def told(self) -> dict[str, Any]:
        """What a visitor has to know."""
        return {
            "base_url": self.base_url,
            "admin_email": self.admin_email,
            "admin_password": self.admin_password,
            "provision_key": self.provision_key,
            "devices": self.devices,
            "sites": self.sites,
            "agents": self.agents,
        }

    def fill(self) -> None:
        """Make the sites, start the devices, claim them and wait until they are online."""
        self.sites = [self.post("/sites", dict(site))["site_id"] for site in SITES]
        folder = self.product.folder
        self._simulate(folder / "fleet")
        for number, (_, kind) in enumerate(AGENTS):
            self._run_agent(folder / f"agent-{number}", kind)
            self.agents.append(self._processes[-1].pid)
        names = {kind: iter(given) for kind, given in _NAMES.items()}
        for code in self._fleet_codes(folder / "fleet"):
            made = self.post("/devices/claim", {"claim_code": code})
            name = next(names[made["device_class"]])
            self.patch(f"/devices/{made['uid']}", {"name": name})
            self.devices[name] = made["uid"]
        for number, (name, _) in enumerate(AGENTS):
            code = self._agent_code(folder / f"agent-{number}")
            made = self.post("/devices/claim", {"claim_code": code, "name": name})
            self.devices[name] = made["uid"]
        for number, uid in enumerate(self.devices.values()):
            tag = ("lobby", "floor=1", "night")[number % 3]
            site = self.sites[number % len(self.sites)]
            self.patch(f"/devices/{uid}", {"tags": [tag], "site": site})
        self.wait_until(lambda: self._online() >= len(self.devices))

    def uid(self, name: str) -> str:
        """The device of that name."""
        return self.devices[name]

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Return when it is so; raise after a while."""
        deadline = time.monotonic() + _DEADLINE_S
        while not is_so():
            if time.monotonic() > deadline:
                raise AssertionError(f"{is_so} did not become true.\n{self.product.log()[-3000:]}")
            time.sleep(0.1)

    def close(self) -> None:
        """End every device."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        super().close()

    def _online(self) -> int:
        items = self.get("/devices?limit=100")["items"]
        return sum(1 for item in items if item["connectivity"] == "online")

    def _simulate(self, folder: Path) -> None:
        self._start(
            folder, "edge.simulator", "--mix", MIX, "--state-dir", str(folder),
            "--telemetry-every", "3", "--quiet",
        )  # fmt: skip

    def _run_agent(self, folder: Path, kind: str) -> None:
        self._start(
            folder, "edge.agent", "run", "--state-dir", str(folder / "state"), "--relays", "4",
            "--interval", "2", "--hardware-id", folder.name, "--device-class", kind,
        )  # fmt: skip

    def _start(self, folder: Path, module: str, *arguments: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "device.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", module, *arguments, "--url", self.product.base_url],
                    env={**os.environ, "DEVICE_PROVISION_KEY": self.product.provision_key},
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def _fleet_codes(self, folder: Path) -> list[str]:
        def codes() -> list[str]:
            found = []
            for file in sorted(folder.glob("*.json")):
                with contextlib.suppress(ValueError):
                    found.append(json.loads(file.read_text(encoding="utf-8")).get("claim_code"))
            return [code for code in found if code]

        self.wait_until(lambda: len(codes()) == _FLEET)
        return codes()

    def _agent_code(self, folder: Path) -> str:
        def code() -> re.Match[str] | None:
            text = (folder / "device.log").read_text(encoding="utf-8")
            return re.search(r"claim code (\w{8})", text)

        self.wait_until(lambda: code() is not None)
        found = code()
        assert found is not None
        return found[1]


def _answer(response: httpx.Response) -> Any:
    assert response.is_success, f"{response.request.url}: {response.text}"
    return response.json() if response.content else None
