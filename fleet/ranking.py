"""What comes first among all that needs somebody: no need may hide the others by its number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from fleet.choices import Need, Severity
from fleet.types import Needy

SEVERITIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        Need.SITE_OUTAGE: Severity.BAD,
        Need.OFFLINE: Severity.BAD,
        Need.FLAPPING: Severity.WARN,
        Need.COMMANDS_FAILED: Severity.BAD,
        Need.DRIFT: Severity.WARN,
        Need.KEY_UNUSED: Severity.WARN,
        Need.OLD_KEY: Severity.NOTE,
        Need.SET_ASIDE: Severity.WARN,
        Need.NEVER_CONNECTED: Severity.NOTE,
    }
)
_SEVERITY_RANKS: Final = {severity: rank for rank, severity in enumerate(Severity.values)}
_NEED_RANKS: Final = {need: rank for rank, need in enumerate(Need.values)}


def ranked(found: Sequence[Needy], *, limit: int) -> list[Needy]:
    """The most urgent of these, at most `limit`: each need gives its longest in turn.

    Real devices come before simulated ones, then what is worse, then what lasts longer.
    """
    waiting = {need: _by_urgency(found, need) for need in Need.values}
    chosen: list[Needy] = []
    while len(chosen) < limit and any(waiting.values()):
        for need in Need.values:
            if waiting[need] and len(chosen) < limit:
                chosen.append(waiting[need].pop(0))
    return sorted(chosen, key=_urgency)


def _by_urgency(found: Sequence[Needy], need: str) -> list[Needy]:
    return sorted((item for item in found if item.need == need), key=_urgency)


def _urgency(item: Needy) -> tuple[bool, int, int, float, str]:
    return (
        item.is_simulated,
        _SEVERITY_RANKS[item.severity],
        _NEED_RANKS[item.need],
        item.since.timestamp(),
        item.name,
    )
