"""What every part of a simulated device stands on: its connection, its dice, its effects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from edge.protocol import codec, duties, messages
from edge.protocol.convergence import TwinReporter
from edge.simulator.agenda import Agenda
from edge.simulator.chaos import Chaos, ChaosProfile
from edge.simulator.dice import Dice
from edge.simulator.effects import Drop, Effect, Moment, Record, Send
from edge.simulator.environment import Surroundings
from edge.simulator.flash import Flash
from edge.simulator.outages import OutagePlan
from edge.simulator.profiles import RELAY, DeviceProfile


@dataclass(frozen=True, slots=True)
class BoardProfile:
    """What kind of device this is and how often it speaks by itself."""

    hardware_id: str
    seed: int
    index: int
    # Made anew for every start of the simulator, so that a boot_id is never used twice.
    run_id: str
    telemetry_every_s: float = 10.0
    input_every_s: float = 120.0
    kind: DeviceProfile = RELAY
    outages: OutagePlan = field(default_factory=OutagePlan)
    # Tells what it is like from its first connection on, not only once something is desired of it.
    reports_twin: bool = False
    # Whether its wire has sessions: without them the numbers of what it tells go on for ever.
    has_sessions: bool = True
    # The monotonic moment outages count from, the same for the whole fleet.
    began_at: float = 0.0


@dataclass(slots=True)
class Connection:
    """What a device knows only as long as one connection lasts."""

    opened_at: float
    heard_at: float
    is_welcomed: bool = False
    state_seq: int = 0
    unacked: tuple[str, int, float] | None = None
    twin: TwinReporter = field(default_factory=TwinReporter)


class DeviceCore:
    """The state of a device, and the ways anything leaves it."""

    def __init__(self, profile: BoardProfile, flash: Flash, chaos: ChaosProfile) -> None:
        self.profile = profile
        self.flash = flash
        self._dice = Dice(seed=profile.seed, index=profile.index)
        self._chaos = Chaos(chaos, self._dice)
        self._surroundings = Surroundings(profile.kind.signals, self._dice.stream("surroundings"))
        self._connection: Connection | None = None
        self._agenda = Agenda()  # of the device itself, until its next reboot
        self._errands = Agenda()  # of the connection, gone with it
        self._frozen_until = 0.0
        self._skew = timedelta(seconds=self._dice.stream("clock").uniform(-2, 2))
        self._effects: list[Effect] = []
        self._clock = duties.ServerClock()
        self._boot_id = ""
        self._booted_at = 0.0
        self._next_seq = 0
        self._events = 0

    def _open_connection(self) -> Connection | None:
        """Return the connection once the server has spoken over it."""
        connection = self._connection
        return connection if connection is not None and connection.is_welcomed else None

    def _next_state_seq(self, connection: Connection) -> int:
        """Return the number of the next message that tells relay states."""
        number = connection.state_seq
        connection.state_seq = self.flash.state_seq = number + 1
        return number

    def _own_time(self, at: Moment) -> datetime:
        return at.wall + self._skew

    def _forget_connection(self) -> None:
        self._connection = None
        self._errands.clear()
        self._frozen_until = 0.0

    def _drop(self, *, stay_away_s: float = 0.0) -> None:
        if self._connection is not None or stay_away_s:
            self._forget_connection()
            self._effects.append(Drop(stay_away_s))

    def _send(self, message: messages.UpMessage, *, copies: int = 1) -> None:
        self._effects += [Send(codec.encode(message))] * copies

    def _send_later(self, _: Moment, message: messages.UpMessage) -> None:
        self._send(message)

    def _record(self, event: str, **details: Any) -> None:
        self._effects.append(Record(event, _known(details)))

    def _taken(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects


def _known(details: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in details.items() if value is not None}
