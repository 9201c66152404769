"""What a person has arranged in the app: favourites, and a setup they have not finished.

Both are kept in their preferences, so that every browser of theirs shows the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from accounts.services import preferences
from kernel.actors import Actor

MOST_FAVOURITES: Final = 40
STEPS: Final = ("name", "room", "test")
_VIEW = "device_view_state"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrangement:
    """Uids of favourite devices in their order, and the setup that waits to be finished."""

    favourites: tuple[str, ...] = ()
    setup_uid: str = ""
    setup_step: str = ""


def read(*, actor: Actor) -> Arrangement:
    """The actor's own arrangement; what is malformed counts as absent."""
    kept = preferences.read_preferences(actor=actor).members.get(_VIEW, {})
    setup = _part(kept, "setup")
    uid, step = next(iter(setup.items()), ("", ""))
    return Arrangement(
        favourites=_favourites(_part(kept, "favourites")),
        setup_uid=str(uid) if step in STEPS else "",
        setup_step=str(step) if step in STEPS else "",
    )


def set_favourite(*, uid: str, is_favourite: bool, actor: Actor, now: datetime) -> None:
    """Make a device a favourite, behind those there are, or none any more; twice is fine."""
    held = read(actor=actor).favourites
    wanted = [each for each in held if each != uid]
    if is_favourite:
        wanted = [*wanted, uid][-MOST_FAVOURITES:]
    order: dict[str, int | None] = dict.fromkeys(held)
    order |= {each: position for position, each in enumerate(wanted, 1)}
    _keep({"favourites": order or None}, actor, now)


def set_setup(*, uid: str, step: str, actor: Actor, now: datetime) -> None:
    """Remember how far the setup of a device has got; an empty step: it is finished."""
    held = read(actor=actor).setup_uid
    # One at a time: a newer setup takes the place of one that was left.
    setup: dict[str, str | None] = {held: None} if held and held != uid else {}
    _keep({"setup": setup | {uid: step or None}}, actor, now)


def _keep(patch: dict[str, Any], actor: Actor, now: datetime) -> None:
    preferences.merge_preferences(patch={_VIEW: patch}, if_match=None, actor=actor, now=now)


def _part(kept: Any, name: str) -> Mapping[str, Any]:
    part = kept.get(name) if isinstance(kept, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _favourites(positions: Mapping[str, Any]) -> tuple[str, ...]:
    numbered = [(place, uid) for uid, place in positions.items() if isinstance(place, int | float)]
    return tuple(uid for _, uid in sorted(numbered))
