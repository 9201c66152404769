"""Frozen values about infrared codes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infrared.pronto import NotExpressible, Signal, to_pronto


@dataclass(frozen=True, kw_only=True, slots=True)
class IrCodeView:
    """A code as every interface shows it."""

    uid: str
    name: str
    frequency_hz: int
    timings: tuple[int, ...]
    repeat_from: int | None
    protocol: str
    repeat: int
    source: str
    created_at: datetime
    created_by: str
    updated_at: datetime

    @property
    def signal(self) -> Signal:
        """What it transmits."""
        return Signal(
            frequency_hz=self.frequency_hz, timings=self.timings, repeat_from=self.repeat_from
        )

    @property
    def pronto(self) -> str | None:
        """The signal as Pronto hex; None where Pronto has no words for it."""
        try:
            return to_pronto(self.signal)
        except NotExpressible:
            return None

    @property
    def duration_us(self) -> int:
        """How long one transmission of it takes."""
        return sum(self.timings)

    @property
    def length(self) -> int:
        """How many marks and spaces it has."""
        return len(self.timings)


@dataclass(frozen=True, kw_only=True, slots=True)
class IrCodeInput:
    """What somebody says of a code; what is None stays, or is as the product has it.

    The signal comes as Pronto hex, or as a carrier with its timings.
    """

    name: str | None = None
    pronto: str | None = None
    frequency_hz: Any = None
    timings: Any = None
    repeat_from: Any = None
    protocol: str | None = None
    repeat: int | None = None

    def plain(self) -> dict[str, Any]:
        """What is given beside the signal."""
        given = {name: getattr(self, name) for name in ("name", "protocol", "repeat")}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def has_signal(self) -> bool:
        """Whether any part of a signal is given."""
        parts = (self.pronto, self.frequency_hz, self.timings, self.repeat_from)
        return any(part is not None for part in parts)
