"""Devices of a journey's own: a real agent that may be frozen, broken or killed, and a hub over HTTP."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from tests.browser.showroom import Visitor
from tests.services import ROOT

_DEADLINE_S: Final = 40.0


class Board:
    """The real device agent with a board of four relays, as a process."""

    def __init__(self, room: Visitor, folder: Path) -> None:
        self._file = folder / "state" / "board.json"
        self._log = folder / "agent.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "edge.agent", "run", "--url", room.base_url,
                    "--state-dir", str(folder / "state"), "--relays", "4", "--interval", "2",
                    "--hardware-id", f"journey-{secrets.token_hex(4)}",
                    "--device-class", "relay_controller",
                ],
                env={**os.environ, "DEVICE_PROVISION_KEY": room.provision_key},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def claim_code(self) -> str:
        """The code it printed."""
        deadline = time.monotonic() + _DEADLINE_S
        while "claim code " not in (told := self._log.read_text(encoding="utf-8")):
            assert time.monotonic() < deadline, told
            time.sleep(0.05)
        return told.partition("claim code ")[2][:8]

    def claimed_by(self, visitor: Visitor, name: str) -> str:
        """Its uid, once it is that person's and online."""
        uid = str(
            visitor.post("/devices/claim", {"claim_code": self.claim_code(), "name": name})["uid"]
        )
        deadline = time.monotonic() + _DEADLINE_S
        while visitor.get(f"/devices/{uid}")["connectivity"] != "online":
            assert time.monotonic() < deadline, self._log.read_text(encoding="utf-8")
            time.sleep(0.05)
        return uid

    def positions(self) -> str:
        """What the board holds on its disk."""
        return self._file.read_text(encoding="utf-8").partition('"relays":')[2].partition("]")[0]

    def freeze(self) -> None:
        """It is connected and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was."""
        self._process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def broken(self) -> Iterator[None]:
        """Its relays cannot be moved: what they are is written nowhere."""
        aside = self._file.with_name("board.aside")
        self._file.rename(aside)
        self._file.mkdir()
        yield
        self._file.rmdir()
        aside.rename(self._file)

    def kill(self) -> None:
        """End it, in whatever state it is."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class Hub:
    """A device that speaks HTTP when the journey wants it to."""

    def __init__(
        self,
        owner: Visitor,
        name: str,
        *,
        hardware_id: str = "",
        device_class: str = "sensor_hub",
        relay_count: int = 0,
    ) -> None:
        self._http = httpx.Client(base_url=owner.base_url, timeout=20)
        self.hardware_id = hardware_id or f"journey-{secrets.token_hex(4)}"
        made = self._posted(
            "/api/v1/provision/register",
            {
                "hardware_id": self.hardware_id,
                "device_class": device_class,
                "capabilities": [],
                "relay_count": relay_count,
            },
            {"X-Provision-Key": owner.provision_key},
        )
        self.uid = str(made["device_uid"])
        self.claim_code = str(made["claim_code"])
        self._key = str(made["device_token"])
        if name:
            owner.post("/devices/claim", {"claim_code": self.claim_code, "name": name})

    def report(self, *items: dict[str, Any], **more: Any) -> list[str]:
        """Tell what the sensors measure; what became of each item."""
        shown = {"X-Device-ID": self.uid, "X-API-Key": self._key}
        body = {"sensors": list(items), **more}
        answer = self._posted("/api/v1/devices/sensor-report", body, shown)
        return [verdict["outcome"] for verdict in answer["verdicts"]]

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    def _posted(self, path: str, body: Any, headers: dict[str, str]) -> Any:
        answer = self._http.post(path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()
