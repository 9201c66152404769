"""Simulated devices without a wire: driven by hand, at times the test chooses."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from edge.protocol import codec, messages
from edge.simulator.chaos import ChaosProfile
from edge.simulator.device import BoardProfile, SimDevice
from edge.simulator.effects import Drop, Effect, Moment, Record, Send
from edge.simulator.flash import Flash
from edge.simulator.profiles import RELAY, DeviceProfile

START = datetime(2026, 11, 21, 10, tzinfo=UTC)
_M = TypeVar("_M")


def at(seconds: float) -> Moment:
    return Moment(monotonic=seconds, wall=START + timedelta(seconds=seconds))


@dataclass
class Bench:
    """A core, the effects it had, and the reconnects it asked for."""

    core: SimDevice
    now: float = 0.0
    server_ahead: timedelta = timedelta(0)
    effects: list[Effect] = field(default_factory=list)
    fresh: list[Effect] = field(default_factory=list)
    is_connected: bool = False
    epoch: int = 0
    _looked_at: int = 0

    def take(self, effects: Iterable[Effect]) -> list[Effect]:
        self.fresh = list(effects)
        self.effects += self.fresh
        for effect in self.fresh:
            if isinstance(effect, Send):
                self.core.told(effect.frame)
        if any(isinstance(effect, Drop) for effect in self.fresh):
            self.is_connected = False
        return self.fresh

    def start(self) -> None:
        self.take(self.core.start(at(self.now)))
        self.connect()

    def connect(self) -> None:
        """Open a connection and let the server welcome it."""
        self.epoch += 1
        self.take(self.core.disconnected(at(self.now), code=1006))
        self.take(self.core.connected(at(self.now)))
        self.is_connected = True
        welcome = messages.Welcome(self.epoch, self.server_now, heartbeat_s=20)
        self.take(self.core.received(codec.encode(welcome), at(self.now)))

    def say(self, message: messages.DownMessage) -> list[Effect]:
        """Have the server say something, over a new connection when there is none."""
        if not self.is_connected:
            self.connect()
        return self.take(self.core.received(codec.encode(message), at(self.now)))

    def wait(self, seconds: float) -> None:
        """Let time pass, doing what becomes due on the way; a lost connection is renewed."""
        end = self.now + seconds
        while (due := self.core.next_due()) <= end:
            self.now = max(self.now, due)
            self.take(self.core.due(at(self.now)))
            if not self.is_connected:
                self.connect()
        self.now = end

    def fresh_since_last(self) -> list[Effect]:
        """The effects since this was asked the last time."""
        start, self._looked_at = self._looked_at, len(self.effects)
        return self.effects[start:]

    @property
    def server_now(self) -> datetime:
        return at(self.now).wall + self.server_ahead

    def set_relay(self, command_id: str, *, index: int = 0, is_on: bool = True, life: float = 30):
        expires_at = self.server_now + timedelta(seconds=life)
        return messages.SetRelay(command_id, index, is_on, expires_at)

    def records(self, event: str) -> list[dict[str, Any]]:
        return [
            dict(effect.details)
            for effect in self.effects
            if isinstance(effect, Record) and effect.event == event
        ]

    def journal(self) -> str:
        """Everything the device did, as one text that can be compared."""
        return "\n".join(map(repr, self.effects))


def bench(
    *,
    relays: int = 4,
    seed: int = 7,
    index: int = 0,
    flash: Flash | None = None,
    kind: DeviceProfile = RELAY,
    has_sessions: bool = True,
    **chaos: Any,
) -> Bench:
    profile = BoardProfile(
        hardware_id=f"sim-{seed}-{index}", seed=seed, index=index, run_id="run", kind=kind,
        has_sessions=has_sessions,
    )  # fmt: skip
    made = Bench(SimDevice(profile, flash or Flash.blank(relays), ChaosProfile(**chaos)))
    made.start()
    return made


def said(effects: Iterable[Effect], kind: type[_M]) -> list[_M]:
    """The messages of a kind that were sent; frames that are malformed on purpose are passed over."""
    found = []
    for effect in effects:
        if isinstance(effect, Send) and isinstance(effect.frame, str):
            try:
                message = codec.decode_up(effect.frame)
            except codec.ProtocolError:
                continue
            if isinstance(message, kind):
                found.append(message)
    return found
