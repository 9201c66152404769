"""One simulated device as a pure core: what happens goes in with its time, effects come out.

It reads no clock, file or socket and throws only its own seeded dice: the same inputs give the
same effects, record for record.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from edge.protocol import codec, duties, messages
from edge.simulator import VERSION
from edge.simulator.chaos import Fault
from edge.simulator.core import BoardProfile, Connection
from edge.simulator.effects import Effect, Moment, Ping, Postpone, Send
from edge.simulator.obeying import ObeyingDevice
from edge.simulator.outages import Outage

__all__ = ["BoardProfile", "SimDevice"]

_PING_EVERY_S: Final = 20.0
_PONG_WITHIN_S: Final = 40.0
_NUMBERS_LOST_BY_A_CRASH: Final = 100


class SimDevice(ObeyingDevice):
    """Keeps the duties of a device, with true relays, and lets chaos strike at them."""

    # What happens to the device

    def start(self, at: Moment) -> list[Effect]:
        """Switch the device on."""
        self._boot(at)
        return self._taken()

    def connected(self, at: Moment) -> list[Effect]:
        """Take over a connection that was just opened; the server speaks first."""
        self._connection = Connection(
            opened_at=at.monotonic,
            heard_at=at.monotonic,
            state_seq=0 if self.profile.has_sessions else self.flash.state_seq,
        )
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
                self._hold_telemetry(at, message.retry_after)
        elif isinstance(message, duties.AnyCommand):
            self._asked(message, at)
        elif isinstance(message, messages.Cancel):
            self._asked_to_stop(message, at)
        else:
            self._agree(message, at)
        return self._taken()

    def heard(self, at: Moment) -> None:
        """Note a sign of life of the server."""
        if self._connection is not None:
            self._connection.heard_at = at.monotonic

    def told_time(self, server_time: datetime, at: Moment) -> None:
        """Take over the server's time where it comes with every answer."""
        self._clock.set(server_time=server_time, monotonic=at.monotonic)

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
        # What was told last may not be in the flash any more.
        self.flash.state_seq += _NUMBERS_LOST_BY_A_CRASH
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
        self._plan_outage(at)
        if not self._chaos.is_calm:
            first = phase.uniform(0.2, 1) * self._chaos.fault_every_s
            self._agenda.add(at.monotonic + first, self._maybe_fail)
        self._record("booted", boot_id=self._boot_id)
        self._wake_up()

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
        self._tell_untold(connection)
        self._agree_on_welcome(welcome, at)
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

    def _plan_outage(self, at: Moment) -> None:
        began_at = self.profile.began_at
        coming = self.profile.outages.next_of(self.profile.index, after=at.monotonic - began_at)
        if coming is not None:
            self._agenda.add(began_at + coming.starts_at, self._go_away, coming)

    def _go_away(self, at: Moment, outage: Outage) -> None:
        """Lose the connection with the whole site, until it has power and network again."""
        self._plan_outage(at)
        if self._chaos.is_over:
            return
        left_s = self.profile.began_at + outage.starts_at + outage.seconds - at.monotonic
        self._record("chaos", fault="site_outage", number=outage.number, seconds=round(left_s, 3))
        self._drop(stay_away_s=max(0.001, left_s))
