"""What goes wrong, decided by seeded dice: the same seed and the same opportunities, the same fate.

Each kind of decision throws its own dice, so that one reading more or less does not change what
happens to the next command.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from edge.simulator.dice import Dice


class AckFate(StrEnum):
    """What becomes of one command and its answer."""

    NORMAL = "normal"
    LOST = "ack_lost"
    LATE = "ack_late"
    DUPLICATED = "ack_duplicated"
    REBOOT_BEFORE = "reboot_before_run"
    REBOOT_AFTER = "reboot_before_ack"
    DROP_AFTER = "drop_before_ack"


class BatchFate(StrEnum):
    """What becomes of one batch of readings on its way."""

    NORMAL = "normal"
    LOST = "telemetry_lost"
    LATE = "telemetry_late"
    DUPLICATED = "telemetry_duplicated"
    REORDERED = "telemetry_reordered"


class Fault(StrEnum):
    """What happens to a device out of the blue."""

    NONE = "none"
    REBOOT = "reboot"
    HALF_OPEN = "half_open"
    DROP = "drop"
    CLOCK_SKEW = "clock_skew"
    MALFORMED = "malformed"


# Each is refused by the strict decoder or the schema, none by its size: they must not end a session.
MALFORMED_FRAMES: Final[tuple[str | bytes, ...]] = (
    "",
    "{",
    "[]",
    "null",
    '"heartbeat"',
    '{"type":',
    '{"type":7}',
    '{"type":"no_such_type"}',
    '{"type":"ack"}',
    '{"type":"ack","command_id":"x","status":"perhaps"}',
    '{"type":"state_report","relays":[{"relay_index":0,"is_on":1}]}',
    '{"type":"telemetry","boot_id":"b","seq":1e999,"metrics":{}}',
    '{"type":"input_event","input_index":-1,"kind":"press","event_id":"e"}',
    '{"type":"heartbeat","type":"heartbeat"}',
    '{"type":"heartbeat","text":"\\u0000"}',
    "[" * 40 + "]" * 40,
    b"\xff\xfe\x00",
)

_ACK_FATES = tuple(fate for fate in AckFate if fate is not AckFate.NORMAL)
_BATCH_FATES = tuple(fate for fate in BatchFate if fate is not BatchFate.NORMAL)
_REPORT_FATES = (BatchFate.LOST, BatchFate.LATE, BatchFate.DUPLICATED)
_FAULTS = tuple(fault for fault in Fault if fault is not Fault.NONE)


@dataclass(frozen=True, slots=True)
class ChaosProfile:
    """How much goes wrong: ``probability`` holds for every single opportunity."""

    probability: float = 0.0
    late_ack_s: tuple[float, float] = (1.0, 15.0)
    copies: tuple[int, int] = (2, 5)
    half_open_s: tuple[float, float] = (5.0, 90.0)
    boot_s: tuple[float, float] = (0.5, 4.0)
    fault_every_s: float = 15.0
    ack_fates: Sequence[AckFate] = _ACK_FATES
    faults: Sequence[Fault] = _FAULTS
    batch_fates: Sequence[BatchFate] = _BATCH_FATES


class Chaos:
    """Decides, at every opportunity, whether something goes wrong and what."""

    def __init__(self, profile: ChaosProfile, dice: Dice) -> None:
        self._profile = profile
        self._dice = dice
        self._is_calm = profile.probability <= 0
        self._is_over = False

    @property
    def fault_every_s(self) -> float:
        """Seconds between two opportunities for a fault."""
        return self._profile.fault_every_s

    @property
    def is_calm(self) -> bool:
        """Say whether nothing will go wrong any more."""
        return self._is_calm

    @property
    def is_over(self) -> bool:
        """Say whether calm was asked for: not even a site goes away any more."""
        return self._is_over

    def calm(self) -> None:
        """Let nothing go wrong from now on."""
        self._is_calm = self._is_over = True

    def ack_fate(self) -> AckFate:
        """Return what becomes of the next command."""
        dice = self._dice.stream("ack")
        return dice.choice(self._profile.ack_fates) if self._strikes("ack") else AckFate.NORMAL

    def batch_fate(self) -> BatchFate:
        """Return what becomes of the next batch of readings."""
        dice = self._dice.stream("telemetry")
        return (
            dice.choice(self._profile.batch_fates)
            if self._strikes("telemetry")
            else BatchFate.NORMAL
        )

    def report_fate(self) -> BatchFate:
        """Return what becomes of the next report of what the device is like."""
        dice = self._dice.stream("twin")
        return dice.choice(_REPORT_FATES) if self._strikes("twin") else BatchFate.NORMAL

    def work_fails(self) -> bool:
        """Say whether the device cannot do what it was asked."""
        return self._strikes("work")

    def fault(self) -> Fault:
        """Return what happens to the device now."""
        dice = self._dice.stream("fault")
        return dice.choice(self._profile.faults) if self._strikes("fault") else Fault.NONE

    def copies(self, of: str) -> int:
        """Return how often to send a message that may be duplicated: mostly once."""
        return self.several(of) if self._strikes(of) else 1

    def several(self, of: str) -> int:
        """Return how many copies a duplicated message has."""
        return self._dice.stream(of).randint(*self._profile.copies)

    def late_by_s(self, of: str = "ack") -> float:
        """Return the seconds a late ack, or a late batch, is held back."""
        return self._dice.stream(of).uniform(*self._profile.late_ack_s)

    def half_open_s(self) -> float:
        """Return how long a device neither reads nor writes."""
        return self._dice.stream("fault").uniform(*self._profile.half_open_s)

    def boot_s(self) -> float:
        """Return how long a reboot takes."""
        return self._dice.stream("boot").uniform(*self._profile.boot_s)

    def skew(self) -> timedelta:
        """Return how far off the device's clock is from now on: minutes to years, either way."""
        dice = self._dice.stream("clock")
        unit = dice.choice((timedelta(minutes=1), timedelta(hours=1), timedelta(days=365)))
        return unit * dice.uniform(1, 20) * dice.choice((-1, 1))

    def malformed_frame(self) -> str | bytes:
        """Return a frame that no decoder may accept and none may die of."""
        return self._dice.stream("malformed").choice(MALFORMED_FRAMES)

    def _strikes(self, stream: str) -> bool:
        # A calm device throws no dice: there is nothing to decide.
        return not self._is_calm and (
            self._dice.stream(stream).random() < self._profile.probability
        )
