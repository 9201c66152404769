"""An installation worth looking at: sites, real agents, a simulated fleet, and one device that is gone.

The journeys, the pictures of the user guide and the checks of every page share it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

from tests.product import ProductProcess
from tests.services import ROOT

_DEADLINE_S: Final = 40.0
SITES: Final = (
    {"name": "Harbour Street", "latitude": "53.545000", "longitude": "9.966000"},
    {"name": "Market Hall", "latitude": "52.520000", "longitude": "13.405000"},
    {"name": "Riverside", "latitude": "48.137000", "longitude": "11.575000"},
)
AGENTS: Final = (("Lobby board", "relay_controller"), ("Counter till", "pos_terminal"))
MIX: Final = "relay=3,pos=2,server=1,sensor=2,infrared=1"
_NAMES: Final = (
    "Oven row", "Cold room", "Shop window", "Till 1", "Till 2", "Rack server", "Hall sensors",
    "Cellar sensors", "Remote hub",
)  # fmt: skip


class Showroom:
    """Fills a running installation; `close()` ends the devices, the installation stays its owner's."""

    def __init__(self, product: ProductProcess) -> None:
        self.product = product
        self.devices: dict[str, str] = {}
        self.sites: list[str] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._http = httpx.Client(base_url=f"{product.base_url}/api/v1", timeout=30)
        login = {"email": product.admin_email, "password": product.admin_password}
        token = self.post("/auth/login", login)["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def fill(self) -> None:
        """Make the sites, start the devices, claim them and wait until they are online."""
        self.sites = [self.post("/sites", dict(site))["site_id"] for site in SITES]
        folder = self.product.folder
        self._simulate(folder / "fleet")
        for number, (_, kind) in enumerate(AGENTS):
            self._run_agent(folder / f"agent-{number}", kind)
        for name, code in zip(_NAMES, self._fleet_codes(folder / "fleet"), strict=True):
            self._claim(name, code)
        for number, (name, _) in enumerate(AGENTS):
            self._claim(name, self._agent_code(folder / f"agent-{number}"))
        for number, uid in enumerate(self.devices.values()):
            tag = ("lobby", "floor=1", "night")[number % 3]
            site = self.sites[number % len(self.sites)]
            self._answer(self._http.patch(f"/devices/{uid}", json={"tags": [tag], "site": site}))
        self.wait_until(lambda: self._online() >= len(self.devices))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """What the API answers."""
        return self._answer(self._http.post(path, json=body))

    def get(self, path: str) -> Any:
        """What the API answers."""
        return self._answer(self._http.get(path))

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """What the API answers."""
        return self._answer(self._http.patch(path, json=body))

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

    def stop_agent(self, number: int = 0) -> None:
        """Kill one of the agents, so that its device goes offline."""
        process = self._processes[1 + number]
        process.kill()
        process.wait()

    def close(self) -> None:
        """End every device."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        self._http.close()

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

        self.wait_until(lambda: len(codes()) == len(_NAMES))
        return codes()

    def _agent_code(self, folder: Path) -> str:
        def code() -> re.Match[str] | None:
            text = (folder / "device.log").read_text(encoding="utf-8")
            return re.search(r"claim code (\w{8})", text)

        self.wait_until(lambda: code() is not None)
        found = code()
        assert found is not None
        return found[1]

    def _claim(self, name: str, code: str) -> None:
        made = self.post("/devices/claim", {"claim_code": code, "name": name})
        self.devices[name] = made["uid"]

    def _answer(self, response: httpx.Response) -> Any:
        assert response.is_success, f"{response.request.url}: {response.text}"
        return response.json() if response.content else None
