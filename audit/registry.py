"""Which entries a member sees who is limited to some sites; the owners of the targets know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from kernel.startup import require_starting_up

# Called with a tenant and primary keys of sites; the ids of targets there, as a subquery.
TargetsWithin = Callable[[int, Collection[int]], Any]

_limits: dict[str, TargetsWithin] = {}


def limit_targets(target_type: str, within: TargetsWithin) -> None:
    """Show limited members the entries about those targets; types nobody names stay hidden."""
    require_starting_up("registry of limited audit targets")
    _limits[target_type] = within


def limited_targets() -> Mapping[str, TargetsWithin]:
    """All functions by the type of target."""
    return dict(_limits)
