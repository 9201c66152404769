"""The registration on its way: kept until its answer is, so that a lost answer is asked for again.

The same Idempotency-Key with the same body gets the first answer again; without it a machine
whose answer was lost would be registered a second time, or refused because it has an owner.
"""

import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.agent import durable_file
from edge.protocol import strict_json

PENDING_FILE = "registration.json"


@dataclass(frozen=True, slots=True)
class PendingRegistration:
    """One request; ``former_uid`` is the life that ended before it, if one did."""

    url: str
    path: str
    former_uid: str | None
    body: dict[str, Any]
    idempotency_key: str

    def asks_for_the_same(self, other: "PendingRegistration") -> bool:
        """Say whether both would make the same device, whatever else changed since."""
        return self._subject() == other._subject()

    def _subject(self) -> tuple[object, ...]:
        names = ("hardware_id", "device_id")
        return self.url, self.path, self.former_uid, *(self.body.get(name) for name in names)


def prepare(
    directory: Path, *, url: str, path: str, former_uid: str | None, body: dict[str, Any]
) -> PendingRegistration:
    """Return the request to send: the stored one if its answer never came, else this, stored."""
    wanted = PendingRegistration(url, path, former_uid, body, uuid.uuid4().hex)
    stored = _load(directory)
    if stored is not None and stored.asks_for_the_same(wanted):
        return stored
    durable_file.prepare_directory(directory)
    durable_file.write(directory / PENDING_FILE, strict_json.dumps(asdict(wanted)))
    return wanted


def forget(directory: Path) -> None:
    """The answer is kept, or the request was refused: the next one is another request."""
    if (directory / PENDING_FILE).exists():
        durable_file.remove(directory / PENDING_FILE)


def _load(directory: Path) -> PendingRegistration | None:
    text = durable_file.read(directory / PENDING_FILE)
    if text is None:
        return None
    try:
        stored = PendingRegistration(**strict_json.loads(text))
    except (strict_json.StrictJSONError, TypeError):
        return None
    return stored if isinstance(stored.body, dict) else None
