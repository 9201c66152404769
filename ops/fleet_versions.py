"""Which firmware the devices of each class run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from fleet.types import VersionCount
from groups import query as language
from ops import wording
from ops.fleet_tiles import listed

_SHOWN: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionRow:
    """A firmware, and the devices of the class that run it."""

    name: str
    count: int
    share: float
    href: str
    is_newest: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionClass:
    """The firmwares of a class, the newest first."""

    kind: wording.Kind
    total: int
    rows: Sequence[VersionRow]
    more: int


def versions(counted: Sequence[VersionCount]) -> list[VersionClass]:
    """The classes, the largest first; `counted` has them together, the newest version first."""
    found = [
        _class(device_class, list(group))
        for device_class, group in groupby(counted, key=lambda each: each.device_class)
    ]
    return sorted(found, key=lambda each: (-each.total, each.kind.label))


def _class(device_class: str, counted: Sequence[VersionCount]) -> VersionClass:
    total = sum(version.total for version in counted)
    rows = [
        VersionRow(
            name=version.firmware_version or "Not known",
            count=version.total,
            share=round(version.total / total * 100, 1),
            href=_devices_of(device_class, version.firmware_version),
            is_newest=number == 0 and bool(version.firmware_version),
        )
        for number, version in enumerate(counted)
    ]
    return VersionClass(
        kind=wording.device_class(device_class),
        total=total,
        rows=rows[:_SHOWN],
        more=len(rows[_SHOWN:]),
    )


def _devices_of(device_class: str, version: str) -> str:
    if not version:
        return listed(device_class=device_class)
    firmware = language.literal(language.field_named("firmware").kind, version)
    return listed(query=f"class:{device_class} and firmware:{firmware}")
