"""Where simulated devices keep their identity and flash between two runs of the simulator."""

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.protocol import strict_json
from edge.protocol.errors import ProtocolError
from edge.simulator import private_file
from edge.simulator.broker_account import BrokerAccount
from edge.simulator.errors import StateDirectoryBusy, StateUnreadable
from edge.simulator.flash import Flash

_LARGEST_FILE: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Identity:
    """One life of a simulated device at one server; the token is a secret."""

    device_uid: str
    device_token: str = field(repr=False)
    claim_code: str | None = field(default=None, repr=False)
    claim_expires_at: str | None = None
    # Which life of its hardware this is, counted by the simulator.
    epoch: int = 1
    # On the MQTT wire; None until it was asked for.
    broker: BrokerAccount | None = None


class StateDirectory:
    """One file per device, ``<hardware_id>.json``; None as the path keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock: int | None = None

    def open(self) -> None:
        """Take the directory for this process; raises ``StateDirectoryBusy``."""
        if self._path is None:
            return
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise StateDirectoryBusy(
                f"another simulator already uses {self._path}; stop it or pass --state-dir"
            ) from None
        self._lock = lock

    def close(self) -> None:
        """Let another simulator have the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def load(self, hardware_id: str, *, relay_count: int) -> tuple[Identity, Flash] | None:
        """Return a device of an earlier run, or None; raises ``StateUnreadable``."""
        if self._path is None:
            return None
        file = self._file(self._path, hardware_id)
        text = private_file.read(file)
        if text is None:
            return None
        try:
            plain = strict_json.loads(text, max_bytes=_LARGEST_FILE)
            flash = Flash.from_plain(plain.get("flash", {}), relay_count=relay_count)
            return _identity(plain), flash
        except (ValueError, KeyError, TypeError, AttributeError, ProtocolError):
            raise StateUnreadable(
                f"{file} is damaged; restore it, or remove it to provision the device anew"
            ) from None

    def save(self, hardware_id: str, identity: Identity, flash: Flash) -> None:
        """Keep a device, readable by the owner of the process alone."""
        if self._path is None:
            return
        plain = {
            "device_uid": identity.device_uid,
            "device_token": identity.device_token,
            "claim_code": identity.claim_code,
            "claim_expires_at": identity.claim_expires_at,
            "epoch": identity.epoch,
            "flash": flash.to_plain(),
        }
        if identity.broker is not None:
            plain["broker"] = identity.broker.to_plain()
        private_file.write(self._file(self._path, hardware_id), strict_json.dumps(plain))

    def _file(self, path: Path, hardware_id: str) -> Path:
        return path / f"{hardware_id}.json"


def _identity(plain: Mapping[str, Any]) -> Identity:
    identity = Identity(
        device_uid=plain["device_uid"],
        device_token=plain["device_token"],
        claim_code=plain.get("claim_code"),
        claim_expires_at=plain.get("claim_expires_at"),
        epoch=int(plain.get("epoch", 1)),
        broker=BrokerAccount.from_plain(plain["broker"]) if "broker" in plain else None,
    )
    if not isinstance(identity.device_uid, str) or not isinstance(identity.device_token, str):
        raise TypeError("no key")
    return identity
