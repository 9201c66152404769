"""The three states of devices in numbers, each number with the list behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.urls import reverse

from fleet.types import Overview, Standing
from ops import wording


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A share of the fleet, with the list of its devices.

    It takes `x` to `x + share` of 100 in the bar; one without a tone is not of the living.
    """

    label: str
    count: int
    href: str
    tone: str = "none"
    x: float = 0.0
    share: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One of the three states of devices."""

    key: str
    title: str
    figure: str
    caption: str
    parts: Sequence[Part]


def tiles(found: Overview, counted: Standing) -> list[Tile]:
    """The tiles of a fleet; `counted` are the devices that its figures are about."""
    # Where both are there, the lists behind the figures are of the real ones too.
    only = {"simulated": "hide"} if found.real.total and found.simulated.total else {}
    return [_connectivity(counted, only), _sync(counted, only), _pairing(found)]


def listed(**chosen: str) -> str:
    """The address of the list of devices, narrowed."""
    return f"{reverse('ops:devices')}{f'?{urlencode(chosen)}' if chosen else ''}"


def _connectivity(counted: Standing, only: dict[str, str]) -> Tile:
    parts = [
        _part("Online", counted.online, "good", connectivity="online", **only),
        _part("Offline", counted.offline, "bad", connectivity="offline", **only),
        _part(
            "Never connected", counted.never_connected, "idle",
            connectivity="never_connected", **only,
        ),
    ]  # fmt: skip
    if counted.stale:
        # They are among those online.
        stale = _part("of them silent for long", counted.stale, "none", query="connectivity:stale")
        parts.insert(1, stale)
    return Tile(
        key="connectivity",
        title="Connectivity",
        figure=f"{counted.online}",
        caption=f"of {wording.count_of(counted.total, 'device')} online",
        parts=_measured(parts),
    )


def _sync(counted: Standing, only: dict[str, str]) -> Tile:
    steered = counted.in_sync + counted.drifting
    caption = "in sync; nothing is desired of any yet"
    if steered:
        caption = f"of {wording.count_of(steered, 'device')} in sync"
    return Tile(
        key="sync",
        title="Sync",
        figure=f"{counted.in_sync}",
        caption=caption,
        parts=_measured(
            [
                _part("In sync", counted.in_sync, "good", sync="in_sync", **only),
                _part("Drift", counted.drifting, "warn", sync="drift", **only),
                _part(
                    "Unknown, nothing desired", counted.sync_unknown, "idle", sync="unknown", **only
                ),
            ]
        ),
    )


def _pairing(found: Overview) -> Tile:
    real = {"simulated": "hide"} if found.simulated.total else {}
    archived = Part(
        label="Unpaired, in the archive", count=found.unpaired, href=reverse("ops:archive")
    )
    return Tile(
        key="pairing",
        title="Pairing",
        figure=f"{found.total}",
        caption="paired device" if found.total == 1 else "paired devices",
        parts=_measured(
            [
                _part("Real", found.real.total, "accent", **real),
                _part("Simulated", found.simulated.total, "note", simulated="only"),
                archived,
            ]
        ),
    )


def _part(label: str, count: int, tone: str, **chosen: str) -> Part:
    return Part(label=label, count=count, tone=tone, href=listed(**chosen))


def _measured(parts: Sequence[Part]) -> list[Part]:
    """The parts with their places in a bar."""
    whole = sum(part.count for part in parts if part.tone != "none")
    found, x = [], 0.0
    for part in parts:
        share = part.count / whole * 100 if whole and part.tone != "none" else 0.0
        found.append(replace(part, x=round(x, 2), share=round(share, 2)))
        x += share
    return found
