"""Views of the device list that people saved: a name for an address, and which columns they look at.

They live in the preferences (`device_view_state`), so they follow their owner to every browser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from accounts.services import preferences
from kernel import errors, tokens
from kernel.actors import Actor
from ops import device_columns, forms

MOST: Final = 30
LONGEST_NAME: Final = 60
_MEMBER: Final = "device_view_state"
# What an address of the list may be saved with; where a page begins is of the moment.
_KEPT: Final = (*forms.FILTERS, "sort", "columns")
_SLUG: Final = re.compile(r"[A-Za-z0-9]{1,16}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedView:
    """A name for an address of the list; pinned ones stand as tabs above it."""

    slug: str
    name: str
    query: str
    is_pinned: bool
    is_current: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ListState:
    """What the viewer has arranged of the list: columns by name, and views by name."""

    columns: Sequence[str] = ()
    views: Sequence[SavedView] = ()

    @property
    def pinned(self) -> Sequence[SavedView]:
        """The views that stand as tabs."""
        return [view for view in self.views if view.is_pinned]

    def shown_at(self, query: str) -> ListState:
        """The same, with the view marked that stands for this address."""
        here = normal(query)
        return replace(
            self,
            views=[
                replace(view, is_current=bool(here) and view.query == here) for view in self.views
            ],
        )


def state_of(*, actor: Actor) -> ListState:
    """What the viewer arranged; what is no view of ours any more is left out."""
    kept = preferences.read_preferences(actor=actor).members.get(_MEMBER)
    if not isinstance(kept, dict):
        return ListState()
    columns, views = kept.get("columns"), kept.get("views")
    found = [_view(slug, value) for slug, value in _items(views)]
    return ListState(
        columns=[name for name in columns if isinstance(name, str)]
        if isinstance(columns, list)
        else (),
        views=sorted((view for view in found if view is not None), key=lambda view: view.name),
    )


def normal(query: str) -> str:
    """The part of an address that a view keeps, always written alike."""
    given = dict(parse_qsl(query.removeprefix("?")))
    return urlencode([(name, given[name]) for name in _KEPT if given.get(name)])


def keep_columns(*, names: Sequence[str], actor: Actor, now: datetime) -> None:
    """Show these columns from now on; the usual ones are kept as none."""
    columns = device_columns.chosen(names)
    kept = None if columns == device_columns.DEFAULT else [column.name for column in columns]
    _merge({"columns": kept}, actor, now)


def save_view(*, name: str, query: str, is_pinned: bool, actor: Actor, now: datetime) -> SavedView:
    """Keep an address under a name; one of that name is replaced.

    Raises ValidationFailed for a name that is empty or too long, an address without any choice,
    or too many views.
    """
    name, query = _named(name), normal(query)
    if not query:
        raise errors.ValidationFailed(
            "Choose a filter, an order or columns first; then save the view."
        )
    held = state_of(actor=actor).views
    same = next((view for view in held if view.name.casefold() == name.casefold()), None)
    if same is None and len(held) >= MOST:
        raise errors.ValidationFailed(f"There are {MOST} views already. Remove one first.")
    slug = tokens.new_public_id(6) if same is None else same.slug
    view = SavedView(slug=slug, name=name, query=query, is_pinned=is_pinned)
    _merge({"views": {slug: _kept(view)}}, actor, now)
    return view


def change_view(*, slug: str, name: str, is_pinned: bool, actor: Actor, now: datetime) -> SavedView:
    """Call a view otherwise, or pin it. Raises NotFound, ValidationFailed."""
    held = state_of(actor=actor).views
    view = next((view for view in held if view.slug == slug), None)
    if view is None:
        raise errors.NotFound
    name = _named(name)
    if any(other.slug != slug and other.name.casefold() == name.casefold() for other in held):
        raise errors.ValidationFailed("There is a view of this name already.")
    changed = replace(view, name=name, is_pinned=is_pinned)
    _merge({"views": {slug: _kept(changed)}}, actor, now)
    return changed


def remove_view(*, slug: str, actor: Actor, now: datetime) -> None:
    """Forget a view; what is gone already stays gone."""
    if not _SLUG.fullmatch(slug):
        raise errors.NotFound
    _merge({"views": {slug: None}}, actor, now)


def _merge(patch: dict[str, Any], actor: Actor, now: datetime) -> None:
    preferences.merge_preferences(patch={_MEMBER: patch}, if_match=None, actor=actor, now=now)


def _kept(view: SavedView) -> dict[str, Any]:
    return {"name": view.name, "query": view.query, "pinned": view.is_pinned}


def _items(views: Any) -> Sequence[tuple[str, Any]]:
    return list(views.items())[: 2 * MOST] if isinstance(views, Mapping) else []


def _view(slug: str, value: Any) -> SavedView | None:
    """What the API let somebody write may be anything."""
    if not _SLUG.fullmatch(slug) or not isinstance(value, dict):
        return None
    name, query = value.get("name"), value.get("query")
    if not isinstance(name, str) or not isinstance(query, str) or not name.strip():
        return None
    return SavedView(
        slug=slug,
        name=name.strip()[:LONGEST_NAME],
        query=normal(query),
        is_pinned=value.get("pinned") is True,
    )


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise errors.ValidationFailed(f"Give it a name of up to {LONGEST_NAME} letters.")
    return name
