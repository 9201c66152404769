"""The arithmetic of uptime: spans of time in, figures out. It knows no device and no database.

Times are seconds on any one clock. Time that is unknown (before a device was first heard, while
it was maintained, while the server itself was away) counts neither for nor against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Span = tuple[float, float]
# After the server itself went away, how long the absence of a device is nobody's fault.
RESTART_GRACE_S = 300.0


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the log: from then on online or not; `is_ours`: the server itself went away."""

    at: float
    is_online: bool
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """When a device was online, and when its absence is excused."""

    online: list[Span]
    excused: list[Span]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What a device, or many together, did in a time of which something is known."""

    up_s: float = 0.0
    down_s: float = 0.0
    outages: int = 0
    longest_outage_s: float = 0.0

    @property
    def uptime_percent(self) -> float | None:
        """The share of the known time; None when nothing is known."""
        known = self.up_s + self.down_s
        return None if known <= 0 else 100.0 * self.up_s / known

    @property
    def mtbf_s(self) -> float | None:
        """Time up for each outage; None without one."""
        return self.up_s / self.outages if self.outages else None

    @property
    def mttr_s(self) -> float | None:
        """Time down for each outage; None without one."""
        return self.down_s / self.outages if self.outages else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """A time of one device as spans in order, and what they come to in each period."""

    online: Sequence[Span]
    # Before its first contact, after the end of its life, and while the server itself was away.
    unknown: Sequence[Span]
    maintenance: Sequence[Span]
    flapping: Sequence[Span]
    figures: Mapping[str, Figures]


def history(changes: Sequence[Change], *, window: Span, is_online: bool) -> History:
    """What the changes within a window, in their order, say; without any it stayed as it is.

    Clocks of several servers may disagree a little: no change is before the one it follows.
    """
    start, end = window
    state = not changes[0].is_online if changes else is_online
    online: list[Span] = []
    excused: list[Span] = []
    since, was_ours = start, False
    for change in (*changes, None):
        at = end if change is None else min(max(change.at, since), end)
        if state:
            online.append((since, at))
        elif was_ours:
            excused.append((since, min(at, since + RESTART_GRACE_S)))
        if change is not None:
            state, since, was_ours = change.is_online, at, change.is_ours
    return History(merged(online), merged(excused))


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same times as spans in order that neither overlap nor touch; empty ones are dropped."""
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def clipped(spans: Iterable[Span], window: Span) -> list[Span]:
    """What of the spans is within the window."""
    start, end = window
    return merged((max(span[0], start), min(span[1], end)) for span in spans)


def gaps(spans: Iterable[Span], window: Span) -> list[Span]:
    """What of the window no span covers."""
    found, at = [], window[0]
    for start, end in clipped(spans, window):
        if start > at:
            found.append((at, start))
        at = end
    if at < window[1]:
        found.append((at, window[1]))
    return found


def total(spans: Iterable[Span]) -> float:
    """How long the spans, which must not overlap, are together."""
    return sum(end - start for start, end in spans)


def figures(*, online: Iterable[Span], window: Span, unknown: Iterable[Span] = ()) -> Figures:
    """What became of the window, given when the device was online and what is not to count.

    An outage is a time between two times online, however many unknown times interrupt it; one of
    which nothing counts is none.
    """
    ignored = merged(unknown)
    online_in_window = clipped(online, window)
    up = sum(_counted(span, ignored) for span in online_in_window)
    lengths = [
        length for span in gaps(online_in_window, window) if (length := _counted(span, ignored)) > 0
    ]
    return Figures(
        up_s=up,
        down_s=sum(lengths),
        outages=len(lengths),
        longest_outage_s=max(lengths, default=0.0),
    )


def combined(parts: Iterable[Figures]) -> Figures:
    """The figures of many devices together: times and outages add up, the longest stays."""
    up = down = longest = 0.0
    outages = 0
    for part in parts:
        up, down, outages = up + part.up_s, down + part.down_s, outages + part.outages
        longest = max(longest, part.longest_outage_s)
    return Figures(up_s=up, down_s=down, outages=outages, longest_outage_s=longest)


def _counted(span: Span, ignored: Sequence[Span]) -> float:
    return total(gaps(ignored, span))
