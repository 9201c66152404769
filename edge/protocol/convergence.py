"""How a device comes to agree with its server: configuration and desired state down, reports up.

Nothing here reads a clock, a file or a socket.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from edge.protocol import documents, merge_patch
from edge.protocol.messages import TwinAck, TwinReported

RESEND_AFTER_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Held:
    """A document that the server wrote and the device works by; version 0 is none.

    A server that was set back, or that never had this device, knows of lower versions only. It is
    told the one in force: what it wants next then comes with a higher one.
    """

    version: int = 0
    document: Mapping[str, Any] = field(default_factory=dict)

    def taking(self, version: int, document: Mapping[str, Any]) -> "Held | None":
        """Return what is held after this one came, None when it is no newer."""
        return Held(version, document) if version > self.version else None

    def to_plain(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"version": self.version, "document": dict(self.document)}

    @classmethod
    def from_plain(cls, plain: Any) -> "Held":
        """Return what was stored; nothing held when that is no such thing."""
        if not isinstance(plain, dict):
            return cls()
        version, document = plain.get("version"), plain.get("document")
        if type(version) is not int or not isinstance(document, dict):
            return cls()
        return cls(version, document)


def reported_state(own: Mapping[str, Any], taken_over: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a device is like: what it took over, and over that what it knows of itself.

    Where both do not fit into one document, what was taken over goes first.
    """
    whole = {**taken_over, **own}
    return whole if documents.problem_with(whole) is None else dict(taken_over)


@dataclass(slots=True)
class _UnderWay:
    report_id: str
    document: Mapping[str, Any]
    desired_version: int
    sent_at: float


class TwinReporter:
    """Decides what to report over one connection, and when: all at first, then what changed.

    One report is under way at a time. What is not acknowledged in time is sent again as a whole.
    """

    def __init__(self) -> None:
        self._acked: tuple[Mapping[str, Any], int] | None = None
        self._under_way: _UnderWay | None = None

    def next_report(
        self, document: Mapping[str, Any], *, desired_version: int, seq: int, monotonic: float
    ) -> TwinReported | None:
        """Return the report to send now under this number, None when there is nothing to say."""
        if not self.has_news(document, desired_version=desired_version, monotonic=monotonic):
            return None
        if self._under_way is not None:
            self._acked = None
        report_id = f"twin.{seq}"
        self._under_way = _UnderWay(report_id, document, desired_version, monotonic)
        patch = self._patch_to(document)
        return TwinReported(
            patch=patch,
            document=document if patch is None else None,
            seq=seq,
            desired_version=desired_version,
            report_id=report_id,
        )

    def has_news(
        self, document: Mapping[str, Any], *, desired_version: int, monotonic: float
    ) -> bool:
        """Say whether there is something to report now."""
        waiting = self._under_way
        if waiting is not None:
            return monotonic - waiting.sent_at >= RESEND_AFTER_S
        return not self._is_known(document, desired_version)

    def acknowledged(self, ack: TwinAck) -> None:
        """Note that a report is stored; an acknowledgement of another one says nothing."""
        waiting = self._under_way
        if waiting is not None and waiting.report_id == ack.report_id:
            self._acked, self._under_way = (waiting.document, waiting.desired_version), None

    def _is_known(self, document: Mapping[str, Any], desired_version: int) -> bool:
        if self._acked is None:
            return False
        known, version = self._acked
        return version == desired_version and merge_patch.are_same(known, document)

    def _patch_to(self, document: Mapping[str, Any]) -> dict[str, Any] | None:
        if self._acked is None:
            return None
        try:
            return merge_patch.patch_between(self._acked[0], document)
        except merge_patch.NotExpressible:
            return None
