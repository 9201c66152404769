"""What can be taken home as a file: higher apps say how their rows are found and counted.

A kind is read page by page by the job of the exports, each page in a transaction of its own within
what the requester may see in that moment. Its order must be by something that never changes (a
primary key): then no row is in the file twice, however long the file takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.permissions import one_tenant
from exports.types import Column, Page, PageOrder
from kernel.actors import Actor
from kernel.startup import require_starting_up

Choice = Mapping[str, Any]


def _one_tenant(actor: Actor, choice: Choice) -> int:
    return one_tenant(actor)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of rows.

    `clean` checks what was chosen and returns what is kept of it, JSON; it raises what refuses the
    request (ValidationFailed, PermissionDenied…) and is asked again before each page, so that who
    lost a right loses it for the rest of the file. `count` tells about how many rows there will be,
    `page` the next of them. `tenant` says whose data it is (0: the platform's own).
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    clean: Callable[[Actor, Choice], dict[str, Any]]
    count: Callable[[Actor, int, Choice], int]
    page: Callable[[PageOrder], Page]
    tenant: Callable[[Actor, Choice], int] = _one_tenant


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Let this kind be exported; while the apps start up, and a name can be taken once."""
    require_starting_up("registry of exports")
    if kind.name in _kinds and _kinds[kind.name] != kind:
        raise ValueError(f"There is a kind of export {kind.name!r} already.")
    _kinds[kind.name] = kind


def kinds() -> tuple[Kind, ...]:
    """Everything that can be exported, by name."""
    return tuple(_kinds[name] for name in sorted(_kinds))


def kind_named(name: str) -> Kind | None:
    """The kind of that name; None for one that nobody registered."""
    return _kinds.get(name)
