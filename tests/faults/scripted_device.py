"""A device of four relays on the real wire, whose relays and memory survive any server."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from edge.protocol import codec, duties, messages
from edge.protocol.duties import CommandRing

RELAYS = 4
_RETRY_S = 0.2


@dataclass
class Behaviour:
    """How the device misbehaves; the default does not."""

    acks: int = 1
    is_mute: bool = False
    ack_delay_s: float = 0.0


@dataclass
class ScriptedDevice:
    """Keeps the duties of a device; `executed` is the ground truth of what it did, in order."""

    ws_url: str
    uid: str
    token: str
    behaviour: Behaviour = field(default_factory=Behaviour)
    relays: tuple[bool, ...] = (False,) * RELAYS
    ring: CommandRing = field(default_factory=CommandRing)
    executed: list[str] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    close_codes: list[int] = field(default_factory=list)
    is_welcomed: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _state_seq: int = 0
    _held: list[messages.Ack] = field(default_factory=list)

    def run(self) -> None:
        """Stay connected until told to stop."""
        while not self._stop.is_set():
            with (
                contextlib.suppress(OSError, WebSocketException, TimeoutError),
                self.open() as socket,
            ):
                self._serve(socket)
            self.is_welcomed.clear()
            self._stop.wait(_RETRY_S)

    def open(self) -> ClientConnection:
        """A connection with this device's credentials."""
        headers = {"Authorization": f"Bearer {self.token}", "X-Device-ID": self.uid}
        return connect(
            f"{self.ws_url}/ws/device", additional_headers=headers, compression=None, open_timeout=5
        )

    def stop(self) -> None:
        """Hang up and end."""
        self._stop.set()

    def release_acks(self, socket: ClientConnection) -> None:
        """Send what the mute device did not say."""
        for ack in self._held:
            socket.send(codec.encode(ack))
        self._held.clear()

    def welcomed(self, socket: ClientConnection) -> None:
        """Read the welcome and report the whole board."""
        frame = json.loads(socket.recv(timeout=10))
        assert frame["type"] == "welcome", frame
        self.epochs.append(frame["session_epoch"])
        self._state_seq = 0
        self._say(socket, messages.StateReport(relays=duties.readings_of(self.relays)))
        self.is_welcomed.set()

    def take_frame(self, socket: ClientConnection, frame: str | bytes) -> None:
        """Act on one frame."""
        message = codec.decode_down(frame)
        if not isinstance(message, messages.SetRelay | messages.SetAllRelays):
            return
        decision = duties.decide(
            message, relays=self.relays, ring=self.ring, server_now=datetime.now(UTC)
        )
        if decision.relays is not None:
            self.relays = decision.relays
            self.ring = self.ring.remembering(decision.ack)
            self.executed.append(message.command_id)
        if self.behaviour.ack_delay_s:
            time.sleep(self.behaviour.ack_delay_s)
        ack = replace(decision.ack, state_seq=self._next_seq())
        if self.behaviour.is_mute:
            self._held.append(ack)
            return
        for _ in range(self.behaviour.acks):
            socket.send(codec.encode(ack))

    def _serve(self, socket: ClientConnection) -> None:
        self.welcomed(socket)
        try:
            while not self._stop.is_set():
                try:
                    frame = socket.recv(timeout=0.5)
                except TimeoutError:
                    socket.send(codec.encode(messages.Heartbeat()))
                else:
                    self.take_frame(socket, frame)
        except WebSocketException:
            self.close_codes.append(socket.close_code or 0)
            raise

    def _say(self, socket: ClientConnection, message: messages.StateReport) -> None:
        socket.send(codec.encode(replace(message, state_seq=self._next_seq())))

    def _next_seq(self) -> int:
        self._state_seq += 1
        return self._state_seq - 1


@contextlib.contextmanager
def on_the_wire(device: ScriptedDevice) -> Iterator[ScriptedDevice]:
    """The device, connecting and reconnecting in a thread."""
    thread = threading.Thread(target=device.run, daemon=True)
    thread.start()
    try:
        yield device
    finally:
        device.stop()
        thread.join(20)
