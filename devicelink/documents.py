"""Configurations and desired states on their way to devices, whatever the wire.

Which version a device works by is in the database; which one it was told on a connection is
remembered by whoever holds that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from devices.selectors import config as config_selectors
from edge.protocol.messages import Config, TwinDesired
from twins import selectors as twin_selectors

Document = Config | TwinDesired
# By type of document: the version that was told.
Told = Mapping[str, int]
_MOST_REMEMBERED: Final = 100_000


class Versions(NamedTuple):
    """What a device is to work by; 0 where nobody ever said."""

    config: int
    desired: int


def versions_of(device_id: int) -> Versions:
    """The versions that are in force for the device."""
    config, _ = config_selectors.config_versions([device_id]).get(device_id, (0, 0))
    desired, _ = twin_selectors.desired_versions([device_id]).get(device_id, (0, 0))
    return Versions(config, desired)


def unapplied(
    device_ids: Collection[int], *, has_connected: bool = False
) -> dict[int, list[Document]]:
    """What each device is to be told because it works by something else.

    What it has refused is told once more when it `has_connected`: it may have learnt to by now.
    """
    found: dict[int, list[Document]] = {}
    configs = config_selectors.unapplied_config(device_ids, include_refused=has_connected)
    for device_id, config in configs.items():
        found.setdefault(device_id, []).append(config)
    for device_id, desired in twin_selectors.unapplied_desired(device_ids).items():
        found.setdefault(device_id, []).append(desired)
    return found


def unapplied_versions(device_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """The versions of what `unapplied` would tell, without the documents."""
    found: dict[int, dict[str, int]] = {}
    for device_id, version in config_selectors.unapplied_versions(device_ids).items():
        found.setdefault(device_id, {})[Config.type] = version
    for device_id, (wanted, applied) in twin_selectors.desired_versions(device_ids).items():
        if wanted > applied:
            found.setdefault(device_id, {})[TwinDesired.type] = wanted
    return found


def untold(documents: Iterable[Document], told: Told) -> list[Document]:
    """Those that are newer than what was told."""
    return [one for one in documents if one.version > told.get(one.type, 0)]


class Memory:
    """Which documents were told to which device, and when, so that none is told all the time."""

    def __init__(self, *, again_s: float) -> None:
        self._again_s = again_s
        self._told: OrderedDict[tuple[int, str], tuple[int, float]] = OrderedDict()

    def is_due(self, device_id: int, kind: str, version: int, at: float) -> bool:
        """Whether this version was not told lately."""
        known, told_at = self._told.get((device_id, kind), (0, 0.0))
        return version > known or at - told_at >= self._again_s

    def note(self, device_id: int, kind: str, version: int, at: float) -> None:
        """This version is being told."""
        key = (device_id, kind)
        self._told[key] = (version, at)
        self._told.move_to_end(key)
        if len(self._told) > _MOST_REMEMBERED:
            self._told.popitem(last=False)
