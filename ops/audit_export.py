"""The audit log as a file: a kind of export, read along each chain in its order."""

from __future__ import annotations

from typing import Any, Final

from accounts.permissions import one_tenant
from audit import selectors
from audit.types import Wanted
from exports import registry
from exports.registry import Choice, Kind
from exports.types import Column, Page, PageOrder
from kernel import errors
from kernel.actors import Actor
from ops.audit_forms import AuditFilterForm

NAME: Final = "audit"
_FILTERS: Final = ("who", "action", "type", "id", "request", "since", "until")
# How many entries one page looks through.
_STRETCH: Final = 5_000
_COLUMNS: Final = (
    Column(name="at", title="Time"),
    Column(name="action", title="Action"),
    Column(name="actor_kind", title="Kind of who did it"),
    Column(name="actor_id", title="Id of who did it"),
    Column(name="actor_label", title="Who did it"),
    Column(name="actor_via", title="Through"),
    Column(name="actor_address", title="From"),
    Column(name="target_type", title="Kind of thing"),
    Column(name="target_id", title="Id of the thing"),
    Column(name="before", title="Before"),
    Column(name="after", title="After"),
    Column(name="cause", title="What led to it"),
    Column(name="request_id", title="Request"),
    Column(name="seq", title="Number"),
    Column(name="previous_hash", title="Hash before"),
    Column(name="entry_hash", title="Hash"),
)


def clean(actor: Actor, choice: Choice) -> dict[str, Any]:
    """What is kept of a choice. Raises ValidationFailed, PermissionDenied."""
    if choice.get("scope") == "platform" and not actor.is_platform_admin:
        raise errors.PermissionDenied
    if wrong := [name for name, value in choice.items() if not isinstance(value, str)]:
        raise errors.ValidationFailed(details={str(name): ["A text."] for name in wrong})
    kept = {name: choice[name] for name in (*_FILTERS, "scope") if choice.get(name)}
    form = AuditFilterForm(kept)
    if not form.is_valid() or choice.keys() - {*_FILTERS, "scope"}:
        unknown = {name: ["There is no such filter."] for name in choice.keys() - {*_FILTERS}}
        raise errors.ValidationFailed(details=dict(form.errors.items()) or unknown)
    return {name: str(value) for name, value in kept.items()}


def tenant(actor: Actor, choice: Choice) -> int:
    """Whose entries they are: the installation's, or those of the actor's one tenant."""
    return selectors.PLATFORM_CHAIN if choice.get("scope") == "platform" else one_tenant(actor)


def count(actor: Actor, tenant_id: int, choice: Choice) -> int:
    """How many entries there are to look through at most; the last number, where all are wanted."""
    newest = selectors.entries_visible_to(actor).filter(chain_id=tenant_id).order_by("-seq")
    return newest.values_list("seq", flat=True).first() or 0


def page(order: PageOrder) -> Page:
    """The wanted entries of the next stretch of the chain."""
    begin = int(order.after or 0)
    stretch = min(_STRETCH, order.limit) if not _narrows(order.choice) else _STRETCH
    whole = selectors.entries_visible_to(order.actor).filter(chain_id=order.tenant_id)
    end = begin + stretch
    wanted = selectors.entries_matching(actor=order.actor, wanted=_wanted(order.choice))
    within = wanted.filter(chain_id=order.tenant_id, seq__gt=begin, seq__lte=end).order_by("seq")
    entries = list(within[: order.limit + 1])
    if len(entries) > order.limit:
        entries = entries[: order.limit]
        end = entries[-1].seq
    goes_on = whole.filter(seq__gt=end).exists()
    rows = [[getattr(entry, name) for name in order.columns] for entry in entries]
    return Page(rows=rows, after=str(end) if goes_on else None)


def register() -> None:
    """Offer the audit log as a file; while the apps start up."""
    registry.register(
        Kind(
            name=NAME,
            title="Audit log",
            columns=_COLUMNS,
            clean=clean,
            count=count,
            page=page,
            tenant=tenant,
        )
    )


def _wanted(choice: Choice) -> Wanted:
    return AuditFilterForm({name: choice.get(name, "") for name in _FILTERS}).wanted()


def _narrows(choice: Choice) -> bool:
    return any(choice.get(name) for name in _FILTERS)
