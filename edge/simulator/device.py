"""One simulated device as a pure core: what happens goes in with its time, effects come out.

It reads no clock, file or socket and throws only its own seeded dice: the same inputs give the
same effects, record for record.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from edge.protocol import codec, duties, messages
from edge.protocol.codec import format_moment
from edge.simulator import VERSION
from edge.simulator.agenda import Agenda
from edge.simulator.chaos import AckFate, Chaos, ChaosProfile, Dice, Fault
from edge.simulator.effects import Drop, Effect, Moment, Ping, Postpone, Record, Send
from edge.simulator.environment import Surroundings
from edge.simulator.flash import Flash, QueuedReading

_RESEND_TELEMETRY_S: Final = 30.0
_PING_EVERY_S: Final = 20.0
_PONG_WITHIN_S: Final = 40.0
_INPUTS: Final = 2


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


@dataclass(slots=True)
class _Connection:
    """What a device knows only as long as one connection lasts."""

    opened_at: float
    heard_at: float
    is_welcomed: bool = False
    state_seq: int = 0
    unacked: tuple[str, int, float] | None = None


class SimDevice:
    """Keeps the duties of a device, with true relays, and lets chaos strike at them."""

    def __init__(self, profile: BoardProfile, flash: Flash, chaos: ChaosProfile) -> None:
        self.profile = profile
        self.flash = flash
        self._dice = Dice(seed=profile.seed, index=profile.index)
        self._chaos = Chaos(chaos, self._dice)
        self._surroundings = Surroundings(self._dice.stream("surroundings"))
        self._connection: _Connection | None = None
        self._agenda = Agenda()  # of the device itself, until its next reboot
        self._errands = Agenda()  # of the connection, gone with it
        self._frozen_until = 0.0
        self._skew = timedelta(seconds=self._dice.stream("clock").uniform(-2, 2))
        self._effects: list[Effect] = []

    # What happens to the device

    def start(self, at: Moment) -> list[Effect]:
        """Switch the device on."""
        self._boot(at)
        return self._taken()

    def connected(self, at: Moment) -> list[Effect]:
        """Take over a connection that was just opened; the server speaks first."""
        self._connection = _Connection(opened_at=at.monotonic, heard_at=at.monotonic)
        self._errands.add(at.monotonic + _PING_EVERY_S, self._ping)
        self._record("connected")
        return self._taken()

    def disconnected(self, at: Moment, *, code: int) -> list[Effect]:
        """Forget the connection and everything that was to go over it."""
        if self._connection is not None:
            self._record("disconnected", code=code)
        self._forget_connection()
        return self._taken()

    def received(self, frame: str | bytes, at: Moment) -> list[Effect]:
        """Act on a frame from the server; what cannot be understood is left alone."""
        self.heard(at)
        try:
            message = codec.decode_down(frame)
        except codec.ProtocolError as fault:
            self._record("ignored", reason=fault.code)
            return self._taken()
        if isinstance(message, messages.Welcome):
            self._welcomed(message, at)
        elif isinstance(message, messages.TelemetryAck):
            self._telemetry_acked(message, at)
        elif isinstance(message, messages.Error):
            self._record("error_received", code=message.code)
            if message.retry_after is not None:
                self._effects.append(Postpone(message.retry_after))
        else:
            self._asked(message, at)
        return self._taken()

    def heard(self, at: Moment) -> None:
        """Note a sign of life of the server."""
        if self._connection is not None:
            self._connection.heard_at = at.monotonic

    def due(self, at: Moment) -> list[Effect]:
        """Do everything whose time has come; a frozen device does nothing."""
        if at.monotonic < self._frozen_until:
            return []
        for agenda in (self._agenda, self._errands):
            while (entry := agenda.take_due(at.monotonic)) is not None:
                call, arguments = entry
                call(at, *arguments)
                if at.monotonic < self._frozen_until:
                    return self._taken()
        return self._taken()

    def calm(self, at: Moment) -> list[Effect]:
        """End all chaos; the device connects once more, so that the server learns its state."""
        self._chaos.calm()
        self._frozen_until = 0.0
        self._record("calm")
        self._drop()
        return self._taken()

    def next_due(self) -> float:
        """Return when `due` has something to do."""
        found = [
            due for one in (self._agenda, self._errands) if (due := one.next_due()) is not None
        ]
        return max(self._frozen_until, min(found)) if found else float("inf")

    @property
    def frozen_until(self) -> float:
        """Until when the device neither reads nor writes."""
        return self._frozen_until

    # Running

    def _boot(self, at: Moment) -> None:
        """Start with empty RAM: no server time, no readings numbered, nothing planned."""
        self.flash.boot_count += 1
        self._boot_id = f"{self.profile.run_id}.{self.flash.boot_count}"
        self._booted_at = at.monotonic
        self._clock = duties.ServerClock()
        self._next_seq = 0
        self._events = 0
        self._forget_connection()
        self._agenda.clear()
        phase = self._dice.stream("phase")
        every = self.profile.telemetry_every_s
        self._agenda.add(at.monotonic + phase.uniform(0, every), self._measure)
        self._plan_input(at)
        if not self._chaos.is_calm:
            first = phase.uniform(0.2, 1) * self._chaos.fault_every_s
            self._agenda.add(at.monotonic + first, self._maybe_fail)
        self._record("booted", boot_id=self._boot_id)

    def _forget_connection(self) -> None:
        self._connection = None
        self._errands.clear()
        self._frozen_until = 0.0

    def _welcomed(self, welcome: messages.Welcome, at: Moment) -> None:
        connection = self._connection
        if connection is None or connection.is_welcomed:
            return
        connection.is_welcomed = True
        self._clock.set(server_time=welcome.server_time, monotonic=at.monotonic)
        self._record("welcomed", epoch=welcome.session_epoch)
        self._send(
            messages.StateReport(
                relays=duties.readings_of(self.flash.relays),
                firmware_version=VERSION,
                boot_id=self._boot_id,
                state_seq=self._next_state_seq(connection),
            )
        )
        self._errands.add(at.monotonic + welcome.heartbeat_s, self._beat, welcome.heartbeat_s)
        self._send_telemetry(at)

    def _beat(self, at: Moment, every_s: float) -> None:
        self._send(messages.Heartbeat())
        self._errands.add(at.monotonic + every_s, self._beat, every_s)

    def _ping(self, at: Moment) -> None:
        connection = self._connection
        if connection is None:
            return
        if at.monotonic - connection.heard_at > _PONG_WITHIN_S:
            self._record("silence", seconds=round(at.monotonic - connection.heard_at, 1))
            self._drop()
            return
        self._effects.append(Ping())
        self._errands.add(at.monotonic + _PING_EVERY_S, self._ping)

    # Commands

    def _asked(self, command: duties.AnyCommand, at: Moment) -> None:
        """Carry out a command as chaos allows: reboots strike before it runs or before its ack."""
        connection, server_now = self._connection, self._clock.now(monotonic=at.monotonic)
        if connection is None or not connection.is_welcomed or server_now is None:
            self._record("ignored", reason="no_session", command_id=command.command_id)
            return
        fate = self._chaos.ack_fate()
        if fate is not AckFate.NORMAL:
            self._record("chaos", fault=fate.value, command_id=command.command_id)
        if fate is AckFate.REBOOT_BEFORE:
            self._reboot(at)
            return
        ack = self._carry_out(command, server_now, at)
        # Numbered and worded now: an ack that is held up tells an old position with an old number.
        ack = replace(ack, state_seq=self._next_state_seq(connection))
        self._answer(ack, fate, at)

    def _carry_out(
        self, command: duties.AnyCommand, server_now: datetime, at: Moment
    ) -> messages.Ack:
        flash = self.flash
        decision = duties.decide(
            command, relays=flash.relays, ring=flash.ring, server_now=server_now
        )
        if decision.relays is None:
            verdict = "repeated" if decision.is_repeat else "rejected"
            self._record(verdict, command_id=command.command_id, error=decision.ack.error)
            return decision.ack
        flash.relays = decision.relays
        flash.ring = flash.ring.remembering(decision.ack)
        self._record(
            "executed",
            command_id=command.command_id,
            kind=command.type,
            relay_index=command.relay_index if isinstance(command, messages.SetRelay) else None,
            is_on=None if isinstance(command, messages.Command) else command.is_on,
            relays=list(flash.relays),
            monotonic=at.monotonic,
            server_time=format_moment(server_now),
            expires_at=format_moment(command.expires_at),
        )
        return decision.ack

    def _answer(self, ack: messages.Ack, fate: AckFate, at: Moment) -> None:
        if fate is AckFate.LOST:
            return
        if fate is AckFate.LATE:
            self._errands.add(at.monotonic + self._chaos.late_by_s(), self._send_later, ack)
        elif fate is AckFate.REBOOT_AFTER:
            self._reboot(at)
        elif fate is AckFate.DROP_AFTER:
            self._drop()
        else:
            copies = self._chaos.several("ack") if fate is AckFate.DUPLICATED else 1
            self._send(ack, copies=copies)

    def _send_later(self, _: Moment, message: messages.UpMessage) -> None:
        self._send(message)

    # What the device says by itself

    def _measure(self, at: Moment) -> None:
        metrics = self._surroundings.measure(
            monotonic=at.monotonic, uptime_s=at.monotonic - self._booted_at
        )
        self.flash.telemetry.append(
            QueuedReading(self._boot_id, self._next_seq, self._own_time(at), metrics)
        )
        self._next_seq += 1
        self._send_telemetry(at)
        self._agenda.add(at.monotonic + self.profile.telemetry_every_s, self._measure)

    def _send_telemetry(self, at: Moment) -> None:
        connection = self._connection
        if connection is None or not connection.is_welcomed:
            return
        waiting = connection.unacked
        if waiting is not None and at.monotonic - waiting[2] < _RESEND_TELEMETRY_S:
            return
        batch = self.flash.oldest_batch()
        if batch is None:
            return
        connection.unacked = (batch.boot_id, batch.readings[-1].seq, at.monotonic)
        copies = self._chaos.copies("telemetry")
        if copies > 1:
            self._record("chaos", fault="telemetry_duplicated", copies=copies)
        self._send(batch, copies=copies)

    def _telemetry_acked(self, ack: messages.TelemetryAck, at: Moment) -> None:
        self.flash.forget(boot_id=ack.boot_id, acked_seq=ack.acked_seq)
        connection = self._connection
        waiting = connection.unacked if connection is not None else None
        if connection is None or waiting is None:
            return
        if ack.boot_id == waiting[0] and ack.acked_seq >= waiting[1]:
            connection.unacked = None
            self._send_telemetry(at)

    def _plan_input(self, at: Moment) -> None:
        wait = self._dice.stream("input").uniform(0.5, 1.5) * self.profile.input_every_s
        self._agenda.add(at.monotonic + wait, self._press)

    def _press(self, at: Moment) -> None:
        """Somebody pushes a button; without a session nobody hears of it."""
        dice = self._dice.stream("input")
        index, kind = dice.randrange(_INPUTS), dice.choice(("press", "hold"))
        self._events += 1
        self._plan_input(at)
        if self._connection is None or not self._connection.is_welcomed:
            return
        event = messages.InputEvent(
            input_index=index,
            kind=kind,
            event_id=f"{self._boot_id}.{self._events}",
            at=self._own_time(at),
        )
        self._record("input", event_id=event.event_id, kind=kind, input_index=index)
        self._send(event, copies=self._chaos.copies("input_copies"))

    # What goes wrong by itself

    def _maybe_fail(self, at: Moment) -> None:
        if self._chaos.is_calm:
            return
        fault = self._chaos.fault()
        if fault is not Fault.NONE:
            self._record("chaos", fault=fault.value)
        if fault is Fault.REBOOT:
            self._reboot(at)  # which plans the next opportunity itself
            return
        strike: dict[Fault, Callable[[Moment], None]] = {
            Fault.HALF_OPEN: self._freeze,
            Fault.DROP: lambda _: self._drop(),
            Fault.CLOCK_SKEW: self._set_clock_wrong,
            Fault.MALFORMED: self._babble,
        }
        if fault in strike:
            strike[fault](at)
        # Counted from the thaw: a device that froze again at once would never be heard of.
        rested_at = max(at.monotonic, self._frozen_until)
        self._agenda.add(rested_at + self._chaos.fault_every_s, self._maybe_fail)

    def _reboot(self, at: Moment) -> None:
        self._drop(stay_away_s=self._chaos.boot_s())
        self._boot(at)

    def _freeze(self, at: Moment) -> None:
        if self._connection is None:
            return
        seconds = self._chaos.half_open_s()
        self._frozen_until = at.monotonic + seconds
        self._record("frozen", seconds=round(seconds, 3))

    def _set_clock_wrong(self, _: Moment) -> None:
        self._skew = self._chaos.skew()
        self._record("clock_set", skew_s=round(self._skew.total_seconds(), 1))

    def _babble(self, _: Moment) -> None:
        if self._connection is not None and self._connection.is_welcomed:
            self._effects.append(Send(self._chaos.malformed_frame()))

    # The wire and the log

    def _own_time(self, at: Moment) -> datetime:
        return at.wall + self._skew

    def _next_state_seq(self, connection: _Connection) -> int:
        number = connection.state_seq
        connection.state_seq += 1
        return number

    def _drop(self, *, stay_away_s: float = 0.0) -> None:
        if self._connection is not None:
            self._forget_connection()
            self._effects.append(Drop(stay_away_s))

    def _send(self, message: messages.UpMessage, *, copies: int = 1) -> None:
        self._effects += [Send(codec.encode(message))] * copies

    def _record(self, event: str, **details: Any) -> None:
        self._effects.append(
            Record(event, {name: value for name, value in details.items() if value is not None})
        )

    def _taken(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects
