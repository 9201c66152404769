"""Infrared: a receiver and a transmitter, or files that stand for them."""

import json
import os
from pathlib import Path
from typing import Any, Final, Protocol

from edge.agent import durable_file
from edge.protocol import codec, strict_json
from edge.protocol.messages import IrLearned

RECEIVED_FILE: Final = "infrared-received.json"
SENT_FILE: Final = "infrared-sent.jsonl"


class InfraredDriver(Protocol):
    """The promise of an infrared driver; both calls may block for as long as a signal lasts."""

    def receive(self, command_id: str) -> IrLearned | None:
        """Return the signal that has come since it was last asked, or None."""

    def transmit(self, command_id: str, signal: dict[str, Any]) -> None:
        """Send a signal (``frequency_hz``, ``timings``, ``repeat``); raise ``OSError`` if not."""


class InfraredFiles:
    """For machines without infrared, demonstrations and tests.

    A signal is received by putting ``{"frequency_hz", "timings"}`` into one file; each signal
    sent is a line of another.
    """

    def __init__(self, state_dir: Path) -> None:
        self._received = state_dir / RECEIVED_FILE
        self._sent = state_dir / SENT_FILE

    def receive(self, command_id: str) -> IrLearned | None:
        """Return what the file holds, and remove it; raises ``OSError`` when that is no signal."""
        text = durable_file.read(self._received)
        if text is None:
            return None
        try:
            plain = strict_json.loads(text)
            named = {**plain, "type": IrLearned.type, "command_id": command_id}
            learned = codec.decode_up(strict_json.dumps(named))
        except (strict_json.StrictJSONError, codec.ProtocolError, TypeError) as fault:
            raise OSError(f"{self._received} holds no signal: {fault}") from None
        finally:
            durable_file.remove(self._received)
        return learned if isinstance(learned, IrLearned) else None

    def transmit(self, command_id: str, signal: dict[str, Any]) -> None:
        """Write the signal down."""
        line = json.dumps({"command_id": command_id, **signal}, separators=(",", ":"))
        descriptor = os.open(self._sent, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")
            stream.flush()
            os.fsync(stream.fileno())
