"""What higher apps do in the transaction of a device's registration, claim, change or end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devices.types import Happening
from kernel.actors import Actor
from kernel.startup import require_starting_up


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """A device as it has just described itself."""

    device_id: int
    relay_count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A device that has just got an owner."""

    device_id: int
    tenant_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A life that ends now, under the device's lock. `reason` is a `choices.LifeEnd`."""

    device_id: int
    device_uid: str
    tenant_id: int | None
    reason: str
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncFacts:
    """Whether a device is as it is desired (`choices.Sync`), and since when it is not."""

    state: str
    drift_since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncSource:
    """How it is known whether devices are as they are desired.

    `joined` adds what `facts` reads to a query of devices, `narrowed` leaves those of one state.
    """

    joined: Callable[[Any], Any]
    facts: Callable[[Any], SyncFacts]
    narrowed: Callable[[Any, str], Any]


_registration_hooks: list[Callable[[Registered], None]] = []
_claim_hooks: list[Callable[[Claimed], None]] = []
EndHook = Callable[[Sequence[Ended]], None]
Snapshot = Callable[[Sequence[int]], dict[int, Any]]
HappeningHook = Callable[[Sequence[Happening]], None]
# Called with a queryset of devices, the actor who asks, and what they gave; the fewer devices.
Narrow = Callable[[Any, Actor, str], Any]
_end_hooks: list[EndHook] = []
_happening_hooks: list[HappeningHook] = []
_snapshots: dict[str, Snapshot] = {}
_sync_sources: list[SyncSource] = []
_erasers: dict[str, Callable[[int, datetime], dict[str, int]]] = {}
_kept_by_erasers: dict[str, str] = {}
_narrowings: dict[str, tuple[Narrow, Callable[[], AbstractContextManager[None]]]] = {}


def on_registration(hook: Callable[[Registered], None]) -> Callable[[Registered], None]:
    """Call the function for each registration, in its transaction; it may come repeatedly."""
    require_starting_up("registry of device hooks")
    if hook not in _registration_hooks:
        _registration_hooks.append(hook)
    return hook


def on_claim(hook: Callable[[Claimed], None]) -> Callable[[Claimed], None]:
    """Call the function for each claim, in its transaction."""
    require_starting_up("registry of device hooks")
    if hook not in _claim_hooks:
        _claim_hooks.append(hook)
    return hook


def registered(facts: Registered) -> None:
    """Run every hook for a registration."""
    for hook in _registration_hooks:
        hook(facts)


def claimed(facts: Claimed) -> None:
    """Run every hook for a claim."""
    for hook in _claim_hooks:
        hook(facts)


def on_life_end(hook: EndHook) -> EndHook:
    """Call the function when lives end, in their transaction, after the snapshots were taken.

    Lives that end together come together: one look for all of them, not one for each.
    """
    require_starting_up("registry of device hooks")
    if hook not in _end_hooks:
        _end_hooks.append(hook)
    return hook


def lives_ended(facts: Sequence[Ended]) -> None:
    """Run every hook for the end of these lives."""
    for hook in _end_hooks:
        hook(facts)


def on_happening(hook: HappeningHook) -> HappeningHook:
    """Call the function with changes of presence and outages, in their transaction.

    What it writes is there exactly if the change is. Changes that are made together come
    together; those of a device come in their order, under its lock.
    """
    require_starting_up("registry of device hooks")
    if hook not in _happening_hooks:
        _happening_hooks.append(hook)
    return hook


def happened(facts: Sequence[Happening]) -> None:
    """Run every hook for these changes; of none, nothing."""
    if facts:
        for hook in _happening_hooks:
            hook(facts)


def on_sync(source: SyncSource) -> None:
    """Have this tell whether devices are as they are desired."""
    require_starting_up("registry of device hooks")
    _sync_sources[:] = [source]


def sync_source() -> SyncSource:
    """What tells whether devices are as they are desired."""
    (source,) = _sync_sources
    return source


def on_snapshot(name: str, take: Snapshot) -> None:
    """Have the function's JSON values under `name` in the final states of devices (by their keys).

    It is given many devices at once, and returns a value for each of them.
    """
    require_starting_up("registry of device hooks")
    _snapshots[name] = take


def snapshots(device_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What the higher apps know of each of these devices now, by name."""
    found: dict[int, dict[str, Any]] = {device_id: {} for device_id in device_ids}
    for name, take in sorted(_snapshots.items()):
        taken = take(device_ids)
        for device_id in device_ids:
            found[device_id][name] = taken[device_id]
    return found


def on_erasure(
    name: str, erase: Callable[[int, datetime], dict[str, int]], *, keeps: str = ""
) -> None:
    """Have the function remove the personal data of a device (by its key) that its app keeps.

    It does one bounded piece of the work, within the caller's unit of work and under the device's
    lock, and returns its counts for the report, e.g. `{"payloads_emptied": 500}`; it is called
    again until it returns none. `keeps` says what stays and why.
    """
    require_starting_up("registry of device hooks")
    _erasers[name] = erase
    if keeps:
        _kept_by_erasers[name] = keeps


def erasers() -> dict[str, Callable[[int, datetime], dict[str, int]]]:
    """All erasing functions by name."""
    return dict(_erasers)


def kept_by_erasers() -> dict[str, str]:
    """What the higher apps keep of an erased device, and why, by name."""
    return dict(_kept_by_erasers)


def register_narrowing(
    name: str, narrow: Narrow, *, guard: Callable[[], AbstractContextManager[None]] = nullcontext
) -> None:
    """Let lists of devices be narrowed by a parameter that a higher app knows.

    It raises NotFound or ValidationFailed for what the actor may not see or cannot mean. The
    narrowed devices are read within `guard()`.
    """
    require_starting_up("registry of device narrowings")
    _narrowings[name] = (narrow, guard)


def narrowed(name: str, devices: Any, actor: Actor, value: str) -> Any:
    """Those of the devices that the parameter of that name means."""
    return _narrowings[name][0](devices, actor, value)


def guarded(names: Iterable[str]) -> AbstractContextManager[None]:
    """What to read devices within that were narrowed by these parameters, or by none of them."""
    return next((_narrowings[name][1]() for name in names if name in _narrowings), nullcontext())
