"""Who this machine is to the server: its hardware id, and the key it was given.

The key is in a file of its own, everything else in ``identity.json``. Both change together: the
whole is written to ``identity.next`` first, and as long as that file exists, it is what counts.
"""

import hashlib
import uuid
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.agent import durable_file
from edge.agent.errors import KeyExposed, StateUnreadable
from edge.protocol import strict_json
from edge.protocol.fields import parse_moment

IDENTITY_FILE = "identity.json"
KEY_FILE = ".device_api_key"
NEXT_FILE = "identity.next"
FORMER_FILE = "former.json"
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
    site_id: str | None = None
    device_id: str | None = None

    def __repr__(self) -> str:
        return f"Identity(device_uid={self.device_uid!r})"

    def has_expired_claim_code(self, *, now: datetime) -> bool:
        """Say whether a claim code was shown that nobody can use any more."""
        expires_at = parse_moment(self.claim_expires_at)
        return self.claim_code is not None and expires_at is not None and expires_at <= now


def load(directory: Path) -> Identity | None:
    """Return the stored identity, or None on a machine that was never provisioned.

    Raises ``StateUnreadable`` for a damaged file and ``KeyExposed`` for a key others can read.
    """
    whole = _load_whole(directory / NEXT_FILE)
    if whole is not None:
        return whole
    path = directory / IDENTITY_FILE
    text = durable_file.read(path)
    return None if text is None else _parsed(path, text, key=_load_key(directory / KEY_FILE))


def save(directory: Path, identity: Identity) -> None:
    """Store an identity durably, readable by its owner alone."""
    with durable_file.exclusive(directory):
        _save(directory, identity)


def replace_key(directory: Path, *, device_uid: str, key: str) -> bool:
    """Store a new key for this device; False when the machine is another device by now."""
    with durable_file.exclusive(directory):
        known = load(directory)
        if known is None or known.device_uid != device_uid:
            return False
        _save(directory, replace(known, device_token=key))
    return True


def set_aside(directory: Path, ended: Identity) -> None:
    """Keep the identity of a life that ended apart, so that the next start begins a new one."""
    former = replace(ended, claim_code=None, claim_expires_at=None)
    with durable_file.exclusive(directory):
        _save(directory, former)
        durable_file.write(directory / FORMER_FILE, strict_json.dumps(asdict(former)))
        durable_file.remove(directory / IDENTITY_FILE)
        durable_file.remove(directory / KEY_FILE)


def load_former(directory: Path) -> Identity | None:
    """Return the identity that was set aside, or None."""
    return _load_whole(directory / FORMER_FILE)


def forget_former(directory: Path) -> None:
    """Remove what was set aside: a new life took its place."""
    if (directory / FORMER_FILE).exists():
        durable_file.remove(directory / FORMER_FILE)


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


def _save(directory: Path, identity: Identity) -> None:
    whole = asdict(identity)
    durable_file.write(directory / NEXT_FILE, strict_json.dumps(whole))
    durable_file.write(directory / KEY_FILE, identity.device_token + "\n")
    del whole["device_token"]
    durable_file.write(directory / IDENTITY_FILE, strict_json.dumps(whole))
    durable_file.remove(directory / NEXT_FILE)


def _load_key(path: Path) -> str | None:
    try:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise KeyExposed(
                f"{path} can be read by others (mode {mode:04o}): run chmod 600 on it, and give"
                " the device a new key (homepot-agent rotate-key) if others use this machine"
            )
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise StateUnreadable(f"{path} is damaged; restore it, or unpair this device in Homepot")
    return text


def _load_whole(path: Path) -> Identity | None:
    text = durable_file.read(path)
    return None if text is None else _parsed(path, text, key=None)


def _machine_id(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    # An image that was not started yet holds "uninitialized" or nothing.
    return text if len(text) == _MACHINE_ID_CHARS else None


def _parsed(path: Path, text: str, *, key: str | None) -> Identity:
    try:
        return _from_plain(strict_json.loads(text), key)
    except (strict_json.StrictJSONError, TypeError):
        raise StateUnreadable(
            f"{path} is damaged or its key is missing; restore it, or remove it to provision"
            " this machine anew"
        ) from None


def _from_plain(document: Any, key: str | None) -> Identity:
    if not isinstance(document, dict):
        raise TypeError("not an object")
    known = {field.name for field in fields(Identity)}
    members = {name: value for name, value in document.items() if name in known}
    if not all(value is None or isinstance(value, str) for value in members.values()):
        raise TypeError("not text")
    # Files of earlier agents hold the key themselves; a key of its own file is newer.
    identity = Identity(**(members if key is None else members | {"device_token": key}))
    if not identity.device_uid or not identity.device_token:
        raise TypeError("no key")
    return identity
