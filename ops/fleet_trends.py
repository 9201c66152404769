"""The course of the fleet's figures, as drawings and as numbers for a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fleet.choices import Counting
from fleet.types import Standing, Trend, TrendPoint
from ops import trend_lines


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One figure over time."""

    title: str
    now: str
    top: str
    tone: str
    drawing: trend_lines.Drawing


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The figures of one step, which is the how-manieth of the range."""

    step: int
    at: datetime
    values: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trends:
    """The figures over a range."""

    range: str
    curves: Sequence[Curve]
    rows: Sequence[Row]
    counts_simulated: bool


def trends(trend: Trend, counted: Standing) -> Trends:
    """The curves of a trend; `counted` is how it stands right now."""
    points = [*trend.points[:-1], _present(trend.points[-1], counted)]
    shares = [_share(point) for point in points]
    failed = [point.failed_commands for point in points]
    now = counted.online / counted.total * 100 if counted.total else None
    return Trends(
        range=trend.range,
        curves=[
            Curve(
                title="Online",
                now=_percent(now),
                top="100 %",
                tone="good",
                drawing=trend_lines.line(shares, top=100),
            ),
            _curve(
                "Devices",
                counted.total,
                "accent",
                trend_lines.line([point.total for point in points]),
            ),
            _curve(
                "Drift",
                counted.drifting,
                "warn",
                trend_lines.line([point.drifting for point in points]),
            ),
            _curve(
                "Failed commands",
                sum(number for number in failed if number),
                "bad",
                trend_lines.bars(failed),
            ),
        ],
        rows=[
            Row(step=step, at=point.at, values=_values(point))
            for step, point in enumerate(points)
            if point.total is not None
        ],
        counts_simulated=trend.counting == Counting.SIMULATED,
    )


def _present(last: TrendPoint, counted: Standing) -> TrendPoint:
    """The last step, as it stands right now where it has no tally yet."""
    if last.total is not None or not counted.total:
        return last
    return replace(
        last,
        total=counted.total,
        online=counted.online,
        never_connected=counted.never_connected,
        drifting=counted.drifting,
        online_share=counted.online / counted.total,
    )


def _curve(title: str, now: int, tone: str, drawing: trend_lines.Drawing) -> Curve:
    return Curve(title=title, now=f"{now}", top=f"{drawing.top:.0f}", tone=tone, drawing=drawing)


def _values(point: TrendPoint) -> tuple[str, ...]:
    return (
        _percent(_share(point)),
        f"{point.total}",
        f"{point.drifting}",
        "–" if point.failed_commands is None else f"{point.failed_commands}",
    )


def _share(point: TrendPoint) -> float | None:
    return None if point.online_share is None else point.online_share * 100


def _percent(value: float | None) -> str:
    # Nearly all is not all.
    return "–" if value is None else f"{int(value)} %"
