"""What higher apps do when an account is erased, and what they know of sites."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kernel.errors import ValidationFailed
from kernel.startup import require_starting_up


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasedPart:
    """How far an app has come: counts as of now (not of this call), and why it keeps what it does."""

    is_done: bool
    counts: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)


# Called with the user's key, the keys of the tenants that end with the account, and the time.
AccountEraser = Callable[[int, Collection[int], datetime], ErasedPart]

_erasers: dict[str, AccountEraser] = {}


def on_account_erasure(name: str, erase: AccountEraser) -> None:
    """Have the function erase its app's share of an account, some of it with each call.

    It is called outside any unit of work, again and again until it is done; it must be safe to
    run twice, and in two processes at once.
    """
    require_starting_up("registry of account erasers")
    if name in _erasers and _erasers[name] is not erase:
        raise ValueError(f"There is an account eraser {name!r} already.")
    _erasers[name] = erase


def account_erasers() -> dict[str, AccountEraser]:
    """All erasing functions by name."""
    return dict(_erasers)


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteDirectory:
    """How the app that owns the sites translates between their ids and their primary keys."""

    # Called with the tenant and ids of sites; what is not the tenant's is left out.
    find: Callable[[int, Collection[str]], Mapping[str, int]]
    # Called with primary keys; ids of removed sites too.
    name: Callable[[Collection[int]], Mapping[int, str]]


_directories: list[SiteDirectory] = []


def use_site_directory(directory: SiteDirectory) -> None:
    """Have restrictions to sites read and written with this directory; there is one."""
    require_starting_up("registry of the site directory")
    _directories[:] = [directory]


def resolve_sites(*, tenant_id: int, site_ids: Collection[str]) -> frozenset[int]:
    """Primary keys of the tenant's sites of those ids; raises ValidationFailed for any other id."""
    wanted = set(site_ids)
    found = _directories[0].find(tenant_id, wanted) if _directories and wanted else {}
    if unknown := sorted(wanted - found.keys()):
        raise ValidationFailed(details={"sites": [f"There is no site {', '.join(unknown)}."]})
    return frozenset(found.values())


def site_names(pks: Collection[int]) -> dict[int, str]:
    """Ids of the sites with those primary keys; of those that are still known."""
    return dict(_directories[0].name(pks)) if _directories and pks else {}
