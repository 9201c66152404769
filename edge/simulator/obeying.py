"""How a simulated device carries out commands, with chaos between the command and its answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from edge.protocol import codec, duties, messages
from edge.protocol.codec import format_moment
from edge.protocol.messages import Ack, AckStatus
from edge.simulator import VERSION, frames
from edge.simulator.agreeing import AgreeingDevice
from edge.simulator.chaos import AckFate, ChaosProfile
from edge.simulator.core import BoardProfile, Connection
from edge.simulator.effects import Moment
from edge.simulator.flash import Flash

_INFRARED: Final = frozenset({"ir_learn", "ir_transmit"})
_PLAIN: Final = frozenset({duties.REBOOT, "update_config", "run_diagnostics"})
_CUSTOM: Final = "custom."
# What takes time: seconds from the beginning to the outcome.
_TAKES_S: Final = {"run_diagnostics": (0.2, 1.5), "ir_learn": (0.5, 3.0)}
_BOARD_FAILED: Final = "board_failed"
_SHORTEST_PULSE_US: Final = 300


class ObeyingDevice(AgreeingDevice):
    """Runs each command at most once and answers with what became of it."""

    def __init__(self, profile: BoardProfile, flash: Flash, chaos: ChaosProfile) -> None:
        super().__init__(profile, flash, chaos)
        # What was begun and has no outcome; a reboot ends all of it.
        self._running: dict[str, messages.Command] = {}

    def _asked(self, command: duties.AnyCommand, at: Moment) -> None:
        """Carry out a command as chaos allows: reboots strike before it runs or before its ack."""
        connection, server_now = self._connection, self._clock.now(monotonic=at.monotonic)
        if connection is None or not connection.is_welcomed or server_now is None:
            self._record("ignored", reason="no_session", command_id=command.command_id)
            return
        fate = self._fate_of(command.command_id)
        if fate is AckFate.REBOOT_BEFORE:
            self._reboot(at)
            return
        ack = self._carry_out(command, server_now, at)
        # Numbered and worded now: an ack that is held up tells an old position with an old number.
        self._answer(replace(ack, state_seq=self._next_state_seq(connection)), fate, at)

    def _asked_to_stop(self, cancel: messages.Cancel, at: Moment) -> None:
        connection = self._open_connection()
        if connection is None:
            return
        decision = duties.decide_cancel(
            cancel,
            relays=self.flash.relays,
            ring=self.flash.ring,
            running=self._running,
            stoppable=self._running,
        )
        if decision.keep is not None:
            self.flash.ring = self.flash.ring.remembering(decision.keep)
            self._running.pop(cancel.command_id, None)
            self._record(
                "stopped" if decision.stops else "barred",
                command_id=cancel.command_id,
                status=decision.ack.status.value,
            )
        ack = replace(decision.ack, state_seq=self._next_state_seq(connection))
        self._answer(ack, self._fate_of(cancel.command_id), at)

    def _fate_of(self, command_id: str) -> AckFate:
        fate = self._chaos.ack_fate()
        if fate is not AckFate.NORMAL:
            self._record("chaos", fault=fate.value, command_id=command_id)
        return fate

    def _carry_out(self, command: duties.AnyCommand, server_now: datetime, at: Moment) -> Ack:
        flash = self.flash
        decision = duties.decide(
            command,
            relays=flash.relays,
            ring=flash.ring,
            server_now=server_now,
            knows=self._knows,
            running=self._running,
        )
        if decision.keep is None:
            verdict = "repeated" if decision.is_repeat else "rejected"
            self._record(verdict, command_id=command.command_id, error=decision.ack.error)
            return decision.ack
        ack, kept = decision.ack, decision.keep
        if decision.relays is not None:
            flash.relays = decision.relays
        elif isinstance(command, messages.Command):
            ack, kept = self._begun(command, kept, at)
        is_open = ack.status is AckStatus.ACCEPTED
        flash.ring = flash.ring.remembering(kept, is_told=not is_open)
        self._record(
            "executed",
            command_id=command.command_id,
            kind=command.kind if isinstance(command, messages.Command) else command.type,
            relay_index=command.relay_index if isinstance(command, messages.SetRelay) else None,
            is_on=None if isinstance(command, messages.Command) else command.is_on,
            relays=list(flash.relays),
            monotonic=at.monotonic,
            server_time=format_moment(server_now),
            expires_at=format_moment(command.expires_at),
            outcome=None if is_open else ack.status.value,
        )
        return ack

    def _knows(self, kind: str) -> bool:
        has_infrared = "infrared" in self.profile.kind.capabilities
        return kind in _PLAIN or kind.startswith(_CUSTOM) or (has_infrared and kind in _INFRARED)

    def _begun(self, command: messages.Command, interrupted: Ack, at: Moment) -> tuple[Ack, Ack]:
        """Begin a command; return its answer, and what is true of it after a reboot."""
        if self._chaos.work_fails():
            failed = duties.failure(command, error=_BOARD_FAILED)
            return failed, failed
        if command.kind == duties.REBOOT:
            takes_s = _seconds(command.payload.get("delay_s"))
            interrupted = _succeeded(command, {"rebooted": True})
        elif command.kind in _TAKES_S:
            takes_s = self._dice.stream("work").uniform(*_TAKES_S[command.kind])
        else:
            outcome = self._outcome_of(command, at)
            return outcome, outcome
        self._running[command.command_id] = command
        self._agenda.add(at.monotonic + takes_s, self._finish, command)
        return duties.accepted(command.command_id), interrupted

    def _finish(self, at: Moment, command: messages.Command) -> None:
        if self._running.get(command.command_id) is not command:
            return
        if command.kind == duties.REBOOT:
            self._reboot(at)
            return
        del self._running[command.command_id]
        outcome = self._outcome_of(command, at)
        self.flash.ring = self.flash.ring.remembering(outcome, is_told=False)
        self._record("finished", command_id=command.command_id, status=outcome.status.value)
        connection = self._open_connection()
        if connection is not None:
            ack = replace(outcome, state_seq=self._next_state_seq(connection))
            self._answer(ack, self._fate_of(command.command_id), at)

    def _outcome_of(self, command: messages.Command, at: Moment) -> Ack:
        work: dict[str, Callable[[messages.Command, Moment], dict[str, Any]]] = {
            "update_config": self._update_config,
            "run_diagnostics": self._diagnose,
            "ir_learn": self._learn,
            "ir_transmit": _transmit,
        }
        do = work.get(command.kind, _echo)
        return _succeeded(command, do(command, at))

    def _update_config(self, command: messages.Command, at: Moment) -> dict[str, Any]:
        version, document = command.payload.get("version"), command.payload.get("config")
        if type(version) is int and isinstance(document, dict):
            self._take_config(version, document)
            if self._open_connection() is not None:
                self._send(messages.ConfigApplied(version=self.flash.config.version))
            self._report_state(at)
        return {"version": self.flash.config.version}

    def _diagnose(self, _: messages.Command, at: Moment) -> dict[str, Any]:
        return {
            "firmware_version": VERSION,
            "uptime_s": round(at.monotonic - self._booted_at, 1),
            "boots": self.flash.boot_count,
            "readings_waiting": len(self.flash.telemetry),
            "clock_off_s": round(self._skew.total_seconds(), 3),
        }

    def _learn(self, command: messages.Command, _: Moment) -> dict[str, Any]:
        dice = self._dice.stream("infrared")
        timings = tuple(_SHORTEST_PULSE_US + dice.randrange(1_400) for _ in range(68))
        if self._open_connection() is not None:
            self._send(messages.IrLearned(command.command_id, 38_000, timings))
        return {"frequency_hz": 38_000, "timings": list(timings)}

    def _answer(self, ack: Ack, fate: AckFate, at: Moment) -> None:
        if fate is AckFate.REBOOT_AFTER:
            self._reboot(at)
            return
        if fate is AckFate.DROP_AFTER:
            self._drop()
            return
        if fate is AckFate.LATE:
            self._errands.add(at.monotonic + self._chaos.late_by_s(), self._send_later, ack)
        elif fate is not AckFate.LOST:
            copies = self._chaos.several("ack") if fate is AckFate.DUPLICATED else 1
            self._send(ack, copies=copies)

    def told(self, frame: str | bytes) -> None:
        """Note that a frame has reached the other end: an outcome need not be told again."""
        if not self.flash.ring.has_untold or not frames.is_kind(frame, Ack.type):
            return
        ack = codec.decode_up(frame)
        if isinstance(ack, Ack) and ack.status is not AckStatus.ACCEPTED:
            self.flash.ring = self.flash.ring.telling(ack.command_id)

    def _tell_untold(self, connection: Connection) -> None:
        """Answer what came to its end and was not told, as far as the device knows."""
        for ack in self.flash.ring.untold(running=self._running):
            self._send(replace(ack, state_seq=self._next_state_seq(connection)))

    def _reboot(self, at: Moment) -> None:
        self._drop(stay_away_s=self._chaos.boot_s())
        self._boot(at)

    def _boot(self, at: Moment) -> None:
        raise NotImplementedError

    def _wake_up(self) -> None:
        """Know by the ring what became of the commands that the reboot cut short."""
        self._running.clear()
        for ack in self.flash.ring.untold():
            self._record("finished", command_id=ack.command_id, status=ack.status.value)


def _echo(command: messages.Command, _: Moment) -> dict[str, Any]:
    return {"echo": dict(command.payload)}


def _transmit(command: messages.Command, _: Moment) -> dict[str, Any]:
    return {"repeat": command.payload.get("repeat", 1)}


def _succeeded(command: messages.Command, result: dict[str, Any]) -> Ack:
    return Ack(command_id=command.command_id, status=AckStatus.SUCCEEDED, result=result)


def _seconds(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return max(0.0, float(value)) if is_number else 0.0  # type: ignore[arg-type]
