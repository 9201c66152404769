"""Everything that happened to a fleet, one JSON object per line, written at once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from edge.protocol.codec import format_moment
from edge.simulator.effects import Moment


def line_of(
    *, at: Moment, hardware_id: str, uid: str, event: str, details: Mapping[str, Any]
) -> str:
    """Return the line of one event; the same event always gives the same text."""
    entry = {
        "monotonic": round(at.monotonic, 6),
        "wall": format_moment(at.wall),
        "device": hardware_id,
        "uid": uid,
        "event": event,
        **details,
    }
    return json.dumps(entry, separators=(",", ":"))


class EventLog:
    """Appends to a file; None as the path writes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._stream: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Line buffered: what was run is on file before its ack is on the wire.
            self._stream = path.open("a", encoding="utf-8", buffering=1)

    @property
    def is_open(self) -> bool:
        """Say whether anybody wants the lines."""
        return self._stream is not None

    def write(self, line: str) -> None:
        """Append one line."""
        if self._stream is not None:
            self._stream.write(line + "\n")

    def close(self) -> None:
        """Finish the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
