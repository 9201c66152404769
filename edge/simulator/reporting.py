"""What a simulated device says by itself: readings, what its sensors see, what happens at inputs."""

from typing import Any, Final

from edge.protocol import messages
from edge.protocol.messages import SensorReading, Telemetry
from edge.simulator import readings
from edge.simulator.chaos import BatchFate, ChaosProfile
from edge.simulator.core import BoardProfile, DeviceCore
from edge.simulator.effects import Moment
from edge.simulator.environment import Curve, height
from edge.simulator.flash import TELEMETRY_CAPACITY, Flash, QueuedReading

_RESEND_TELEMETRY_S: Final = 30.0
# How likely somebody comes or goes between two readings: in the night, and at noon on top.
_VISITS: Final = (0.02, 0.25)


class ReportingDevice(DeviceCore):
    """Measures at its pace and keeps every reading until the server has it."""

    def __init__(self, profile: BoardProfile, flash: Flash, chaos: ChaosProfile) -> None:
        super().__init__(profile, flash, chaos)
        self._present: dict[str, bool] = {}
        # A batch the server has, of which a copy is still to arrive.
        self._echo: Telemetry | None = None

    def begin_anew(self) -> None:
        """Forget everything about the former owner; the relays stay where they are."""
        self.flash.forget_owner()
        self._echo = None

    # Readings

    def _measure(self, at: Moment) -> None:
        metrics = self._surroundings.measure(wall=at.wall, uptime_s=at.monotonic - self._booted_at)
        queue = self.flash.telemetry
        if len(queue) >= TELEMETRY_CAPACITY:
            self._record("discarded", boot_id=queue[0].boot_id, seq=queue[0].seq)
        queue.append(QueuedReading(self._boot_id, self._next_seq, self._own_time(at), metrics))
        self._next_seq += 1
        self._send_telemetry(at)
        self._report_sensors(at, metrics)
        self._agenda.add(at.monotonic + self.profile.telemetry_every_s, self._measure)

    def _send_telemetry(self, at: Moment) -> None:
        connection = self._open_connection()
        if connection is None:
            return
        waiting = connection.unacked
        if waiting is not None and at.monotonic - waiting[2] < _RESEND_TELEMETRY_S:
            return
        batch = self.flash.oldest_batch()
        if batch is None:
            return
        connection.unacked = (batch.boot_id, batch.readings[-1].seq, at.monotonic)
        self._record(
            "sent",
            boot_id=batch.boot_id,
            first=batch.readings[0].seq,
            last=batch.readings[-1].seq,
        )
        self._send_batch(batch, at)

    def _send_batch(self, batch: Telemetry, at: Moment) -> None:
        fate = self._chaos.batch_fate()
        if fate is not BatchFate.NORMAL:
            self._record("chaos", fault=fate.value)
        if fate is BatchFate.LATE:
            late_s = self._chaos.late_by_s("telemetry")
            self._errands.add(at.monotonic + late_s, self._send_later, batch)
        elif fate is BatchFate.DUPLICATED:
            self._send(batch, copies=self._chaos.several("telemetry"))
        elif fate is not BatchFate.LOST:
            self._send(batch)
        if self._echo is not None:
            # First deliveries keep their order: an ack covers all that came before it.
            self._send(self._echo)
        self._echo = batch if fate is BatchFate.REORDERED else None

    def _telemetry_acked(self, ack: messages.TelemetryAck, at: Moment) -> None:
        gone = self.flash.forget(boot_id=ack.boot_id, acked_seq=ack.acked_seq)
        if gone:
            self._record(
                "acked",
                boot_id=ack.boot_id,
                first=gone[0].seq,
                last=gone[-1].seq,
                digest=sum(readings.digest(item.seq, item.metrics) for item in gone),
            )
        connection = self._connection
        waiting = connection.unacked if connection is not None else None
        if connection is None or waiting is None:
            return
        if ack.boot_id == waiting[0] and ack.acked_seq >= waiting[1]:
            connection.unacked = None
            self._send_telemetry(at)

    def _hold_telemetry(self, at: Moment, seconds: float) -> None:
        """Send the batch under way not again before: the server keeps it until it has room."""
        connection = self._connection
        if connection is not None and connection.unacked is not None:
            boot_id, seq, _ = connection.unacked
            connection.unacked = boot_id, seq, at.monotonic + seconds

    # Sensors

    def _report_sensors(self, at: Moment, metrics: dict[str, float]) -> None:
        if self._open_connection() is None or not self.profile.kind.sensors:
            return
        now = self._own_time(at)
        said = [
            SensorReading(sensor.name, sensor.kind, metrics[sensor.signal], sensor.unit, now)
            for sensor in self.profile.kind.sensors
            if sensor.signal is not None
        ]
        said += [
            self._presence(sensor.name, sensor.kind, at)
            for sensor in self.profile.kind.sensors
            if sensor.signal is None
        ]
        self._send(messages.SensorReport(tuple(said)), copies=self._chaos.copies("sensors"))

    def _presence(self, name: str, kind: str, at: Moment) -> SensorReading:
        """Say whether somebody is there; a change is an event of its own."""
        dice, (at_night, at_noon) = self._dice.stream("visits"), _VISITS
        was_there = self._present.get(name, False)
        is_change = dice.random() < at_night + at_noon * height(Curve.SHOP, at.wall)
        is_there = was_there is not is_change
        self._present[name] = is_there
        value: bool | dict[str, Any] = is_there
        if kind == "mmwave":
            distance = {"distance_cm": dice.randint(40, 400)} if is_there else {}
            value = {"presence": is_there, **distance}
        event_id = self._event_id() if is_change else None
        return SensorReading(name, kind, value, at=self._own_time(at), event_id=event_id)

    # Inputs

    def _plan_input(self, at: Moment) -> None:
        if self.profile.kind.inputs:
            wait = self._dice.stream("input").uniform(0.5, 1.5) * self.profile.input_every_s
            self._agenda.add(at.monotonic + wait, self._press)

    def _press(self, at: Moment) -> None:
        """Somebody pushes a button; without a session nobody hears of it."""
        dice = self._dice.stream("input")
        index = dice.randrange(self.profile.kind.inputs)
        kind = dice.choice(("press", "hold"))
        event_id = self._event_id()
        self._plan_input(at)
        if self._open_connection() is None:
            return
        event = messages.InputEvent(
            input_index=index, kind=kind, event_id=event_id, at=self._own_time(at)
        )
        self._record("input", event_id=event.event_id, kind=kind, input_index=index)
        self._send(event, copies=self._chaos.copies("input_copies"))

    def _event_id(self) -> str:
        self._events += 1
        return f"{self._boot_id}.{self._events}"
