"""What higher apps do in the transaction in which a device registers or is claimed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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


_registration_hooks: list[Callable[[Registered], None]] = []
_claim_hooks: list[Callable[[Claimed], None]] = []


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
