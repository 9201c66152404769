"""Frozen values about twins."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from edge.protocol.messages import TwinAck
from kernel.preconditions import EntityTag
from twins.delta import Verdict
from twins.history import Change


class DriftView(NamedTuple):
    """Whether a device is other than desired, and since when."""

    is_drifting: bool
    since: datetime | None


class LongDrift(NamedTuple):
    """A device that has been other than desired for longer than its tenant puts up with."""

    device_id: int
    tenant_id: int
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class TwinView:
    """A twin as every interface shows it.

    Of a moment in the past (`as_of`) only the documents and their versions are known; a reported
    document that is no longer kept is None.
    """

    device_uid: str
    desired: dict[str, Any]
    desired_version: int
    desired_at: datetime | None
    desired_by: str
    reported: dict[str, Any] | None
    reported_version: int | None
    reported_at: datetime | None
    edition: int = 0
    applied_version: int | None = None
    applied_at: datetime | None = None
    sync: str | None = None
    drift_since: datetime | None = None
    # Trees of microseconds in the shape of the documents (stamps.py); not of the past.
    desired_stamps: dict[str, Any] | None = None
    reported_stamps: dict[str, Any] | None = None
    as_of: datetime | None = None

    @property
    def tag(self) -> EntityTag:
        """The strong tag of this representation; its first number names the desired version."""
        return EntityTag(f"{self.desired_version}.{self.edition}")

    @property
    def etag(self) -> str:
        """The tag as the header has it."""
        return str(self.tag)

    @property
    def in_sync(self) -> bool | None:
        """Whether the device is as desired."""
        return None if self.sync is None else self.sync != "drift"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeltaEntry:
    """One place of a delta; a value that is missing is `pointers.MISSING`."""

    verdict: Verdict
    path: str
    desired: Any
    reported: Any
    desired_at: datetime | None
    reported_at: datetime | None
    age_s: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeltaView:
    """How a device differs from what is desired of it."""

    device_uid: str
    desired_version: int
    reported_version: int
    sync: str
    drift_since: datetime | None
    entries: tuple[DeltaEntry, ...]
    etag: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A version of one of the two documents."""

    section: str
    version: int
    at: datetime | None
    document: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffView:
    """What lies between two versions; `patch` is None where a merge patch cannot say it."""

    section: str
    before: Named
    after: Named
    changes: tuple[Change, ...]
    patch: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reception:
    """What came of a report: stored, known already, or older than what is known."""

    is_changed: bool
    is_outdated: bool
    reported_version: int
    desired_version: int
    applied_version: int
    ack: TwinAck | None = None
