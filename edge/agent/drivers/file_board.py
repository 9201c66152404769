"""A relay board that lives in a file: for machines without relays, demonstrations and tests."""

from pathlib import Path
from typing import Any

from edge.agent import durable_file
from edge.agent.errors import StateUnreadable
from edge.protocol import strict_json
from edge.protocol.duties import CommandRing, Relays
from edge.protocol.errors import ProtocolError

# The memory may hold a result for each command.
_MAX_BYTES = 4_194_304


class FileBoard:
    """Keeps positions and command memory in one file, replaced whole by every change."""

    def __init__(self, path: Path, *, relay_count: int) -> None:
        self._path = path
        stored, self._ring = load(path)
        # A board that grew starts its new relays off; one that shrank forgets the rest.
        self._relays: Relays = (stored + (False,) * relay_count)[:relay_count]
        if self._relays != stored:
            self.commit(self._relays, self._ring)

    @property
    def relays(self) -> Relays:
        """The positions now."""
        return self._relays

    @property
    def ring(self) -> CommandRing:
        """The commands carried out last."""
        return self._ring

    def commit(self, relays: Relays, ring: CommandRing) -> None:
        """Store positions and memory in one write, then take them over."""
        document = {"relays": list(relays), "commands": ring.to_plain()}
        durable_file.write(self._path, strict_json.dumps(document))
        self._relays, self._ring = relays, ring

    def close(self) -> None:
        """Nothing to let go of."""


def load(path: Path) -> tuple[Relays, CommandRing]:
    """Return the stored positions and memory; an empty board when there is no file yet."""
    text = durable_file.read(path)
    if text is None:
        return (), CommandRing()
    try:
        document: Any = strict_json.loads(text, max_bytes=_MAX_BYTES)
        relays = document["relays"]
        if not all(isinstance(is_on, bool) for is_on in relays):
            raise TypeError("not a position")
        return tuple(relays), CommandRing.from_plain(document["commands"])
    except (strict_json.StrictJSONError, ProtocolError, TypeError, KeyError):
        raise StateUnreadable(
            f"{path} is damaged; restore it, or remove it to start with every relay off"
        ) from None
