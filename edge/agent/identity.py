"""Who this machine is to the server: its hardware id, and the key it was given."""

import hashlib
import uuid
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.agent import durable_file
from edge.agent.errors import StateUnreadable
from edge.protocol import strict_json
from edge.protocol.fields import parse_moment

IDENTITY_FILE = "identity.json"
HARDWARE_ID_FILE = "hardware-id"
_MACHINE_ID = Path("/etc/machine-id")
_MACHINE_ID_CHARS = 32


@dataclass(frozen=True, slots=True)
class Identity:
    """One life of this machine at one server. ``device_token`` is a secret: never log it."""

    server_url: str
    hardware_id: str
    device_uid: str
    device_token: str
    ws_url: str
    claim_code: str | None = None
    claim_expires_at: str | None = None

    def __repr__(self) -> str:
        return f"Identity(device_uid={self.device_uid!r})"

    def has_expired_claim_code(self, *, now: datetime) -> bool:
        """Say whether a claim code was shown that nobody can use any more."""
        expires_at = parse_moment(self.claim_expires_at)
        return self.claim_code is not None and expires_at is not None and expires_at <= now


def load(directory: Path) -> Identity | None:
    """Return the stored identity, or None on a machine that was never provisioned."""
    path = directory / IDENTITY_FILE
    text = durable_file.read(path)
    if text is None:
        return None
    try:
        return _from_plain(strict_json.loads(text))
    except (strict_json.StrictJSONError, TypeError):
        raise StateUnreadable(
            f"{path} is damaged; restore it, or remove it to provision this machine anew"
        ) from None


def save(directory: Path, identity: Identity) -> None:
    """Store an identity durably, readable by its owner alone."""
    durable_file.write(directory / IDENTITY_FILE, strict_json.dumps(asdict(identity)))


def hardware_id(directory: Path, *, machine_id_file: Path = _MACHINE_ID) -> str:
    """Return the id of this hardware: from the operating system, else made once and kept."""
    machine_id = _machine_id(machine_id_file)
    if machine_id is not None:
        # machine-id(5) asks that the raw value stays on the machine.
        return hashlib.sha256(f"homepot-agent:{machine_id}".encode()).hexdigest()[:32]
    kept = durable_file.read(directory / HARDWARE_ID_FILE)
    if kept:
        return kept.strip()
    made = uuid.uuid4().hex
    durable_file.write(directory / HARDWARE_ID_FILE, made)
    return made


def _machine_id(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    # An image that was not started yet holds "uninitialized" or nothing.
    return text if len(text) == _MACHINE_ID_CHARS else None


def _from_plain(document: Any) -> Identity:
    if not isinstance(document, dict):
        raise TypeError("not an object")
    known = {field.name for field in fields(Identity)}
    members = {name: value for name, value in document.items() if name in known}
    if not all(value is None or isinstance(value, str) for value in members.values()):
        raise TypeError("not text")
    identity = Identity(**members)
    if not identity.device_uid or not identity.device_token:
        raise TypeError("no key")
    return identity
