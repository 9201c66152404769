"""Everything a device and the server may say to each other, as frozen values.

The class attribute ``type`` is the message's kind on the wire; field names are the wire's names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar


class AckStatus(StrEnum):
    """What became of a command on the device.

    ``accepted`` says only that it arrived and has begun, and may come again with each sign of
    progress; the others are final. ``cancelled`` answers a ``cancel`` for what was not finished.
    """

    ACCEPTED = "accepted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class LinkStatus(StrEnum):
    """How a device's connection to the broker stands."""

    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class RelayReading:
    """The position of one relay as the device itself sees it."""

    relay_index: int
    is_on: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """One telemetry record: named numbers of one moment (``at`` is None without a clock)."""

    seq: int
    at: datetime | None
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a command is: percent from 0 to 100, and what it is at."""

    percent: int | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class RejectedReading:
    """The verdict on one record that could not be used; its neighbours are not affected."""

    index: int
    seq: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class SensorReading:
    """What one sensor says; ``event_id`` makes it an event that is kept once, however often sent."""

    sensor: str
    kind: str
    value: bool | int | float | str | Mapping[str, Any]
    unit: str | None = None
    at: datetime | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class RejectedSensor:
    """The verdict on one item of a sensor report; its neighbours are not affected."""

    index: int
    sensor: str | None
    reason: str


# --- up: device to server -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Auth:
    """The first frame of a device that could not send headers."""

    type: ClassVar[str] = "auth"
    uid: str
    token: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life."""

    type: ClassVar[str] = "heartbeat"


@dataclass(frozen=True, slots=True)
class Ack:
    """The outcome of one command, with the relays it touched as they are now.

    ``state_seq`` grows with every message of a session that tells relay states (acks and state
    reports), so that one that was delayed is not believed over a newer one.
    """

    type: ClassVar[str] = "ack"
    command_id: str
    status: AckStatus
    relays: tuple[RelayReading, ...] | None = None
    error: str | None = None
    state_seq: int | None = None
    result: Mapping[str, Any] | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class StateReport:
    """The whole relay board, sent after every connect and whenever the device changed it alone."""

    type: ClassVar[str] = "state_report"
    relays: tuple[RelayReading, ...]
    firmware_version: str | None = None
    boot_id: str | None = None
    state_seq: int | None = None


@dataclass(frozen=True, slots=True)
class InputEvent:
    """A button or contact at the device did something; ``event_id`` makes a repeat harmless."""

    type: ClassVar[str] = "input_event"
    input_index: int
    kind: str
    event_id: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A batch of readings, and what the device says of itself in words.

    ``rejected`` holds the verdicts on readings that were unusable; such attributes are left out.
    """

    type: ClassVar[str] = "telemetry"
    boot_id: str
    readings: tuple[Reading, ...]
    rejected: tuple[RejectedReading, ...] = ()
    attributes: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class SensorReport:
    """What sensors say, and what the device says of itself in words.

    A ``report_id`` asks for a ``sensor_ack``. ``rejected`` and ``rejected_attributes`` (name to
    reason) hold the verdicts on what was unusable.
    """

    type: ClassVar[str] = "sensor_report"
    sensors: tuple[SensorReading, ...]
    attributes: Mapping[str, str] | None = None
    report_id: str | None = None
    rejected: tuple[RejectedSensor, ...] = ()
    rejected_attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Status:
    """A connection to the broker has begun, or is over; only on MQTT, which tells nobody else.

    ``session`` names the connection, so that the end of an older one is not taken for the end of
    this one. The ``offline`` of a connection that breaks is its will.
    """

    type: ClassVar[str] = "status"
    status: LinkStatus
    session: str


@dataclass(frozen=True, slots=True)
class TwinReported:
    """What the device is like: the whole ``document``, or a merge ``patch`` (RFC 7396) to it.

    ``seq`` grows with every report of the device, across its restarts: a patch that comes late or
    twice is not applied over a newer one. ``desired_version`` is the desired state the device has
    taken over. A ``report_id`` asks for a ``twin_ack``.
    """

    type: ClassVar[str] = "twin_reported"
    patch: Mapping[str, Any] | None = None
    document: Mapping[str, Any] | None = None
    seq: int | None = None
    desired_version: int | None = None
    report_id: str | None = None


@dataclass(frozen=True, slots=True)
class ConfigApplied:
    """The device works by this version of its configuration, or cannot (``error``)."""

    type: ClassVar[str] = "config_applied"
    version: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class IrLearned:
    """An infrared code that the device has just received, for the ``ir_learn`` command it names.

    ``timings`` are the lengths of marks and spaces in turn, in microseconds.
    """

    type: ClassVar[str] = "ir_learned"
    command_id: str
    frequency_hz: int
    timings: tuple[int, ...]


# --- down: server to device ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Welcome:
    """The session is open; ``session_epoch`` fences older ones, ``server_time`` sets the clock."""

    type: ClassVar[str] = "welcome"
    session_epoch: int
    server_time: datetime
    heartbeat_s: int
    config_version: int = 0
    desired_version: int = 0


@dataclass(frozen=True, slots=True)
class SetRelay:
    """Put one relay into a position, unless ``expires_at`` has passed."""

    type: ClassVar[str] = "set_relay"
    command_id: str
    relay_index: int
    is_on: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SetAllRelays:
    """Put every relay into the same position, unless ``expires_at`` has passed."""

    type: ClassVar[str] = "set_all_relays"
    command_id: str
    is_on: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Command:
    """Anything else a device can be asked to do."""

    type: ClassVar[str] = "command"
    command_id: str
    kind: str
    payload: Mapping[str, Any]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Cancel:
    """Somebody no longer wants this command: stop it if that is still possible, and say so."""

    type: ClassVar[str] = "cancel"
    command_id: str


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration of the device, to be answered by ``config_applied``."""

    type: ClassVar[str] = "config"
    version: int
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TwinDesired:
    """The whole desired state of the device, to be answered by ``twin_reported``."""

    type: ClassVar[str] = "twin_desired"
    version: int
    desired: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TwinAck:
    """The report that asked for it is stored; what is known of the device has this version."""

    type: ClassVar[str] = "twin_ack"
    report_id: str
    reported_version: int


@dataclass(frozen=True, slots=True)
class TelemetryAck:
    """Readings of this boot up to and including ``acked_seq`` are stored or finally refused."""

    type: ClassVar[str] = "telemetry_ack"
    boot_id: str
    acked_seq: int


@dataclass(frozen=True, slots=True)
class SensorAck:
    """Every item of the report that asked for it is stored or finally refused."""

    type: ClassVar[str] = "sensor_ack"
    report_id: str


@dataclass(frozen=True, slots=True)
class Error:
    """The server could not use the last frame, or is about to close; seconds to wait if known."""

    type: ClassVar[str] = "error"
    code: str
    message: str
    retry_after: float | None = None


UpMessage = (
    Auth
    | Heartbeat
    | Ack
    | StateReport
    | InputEvent
    | Telemetry
    | SensorReport
    | Status
    | TwinReported
    | ConfigApplied
    | IrLearned
)
DownMessage = (
    Welcome
    | SetRelay
    | SetAllRelays
    | Command
    | Cancel
    | Config
    | TwinDesired
    | TwinAck
    | TelemetryAck
    | SensorAck
    | Error
)
Message = UpMessage | DownMessage
