"""Reading the audit log."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Q

from audit.models import AuditEntry, Verification
from audit.querysets import PLATFORM_CHAIN as PLATFORM_CHAIN
from audit.querysets import AuditQuerySet, VerificationQuerySet
from audit.types import EntryPage, Wanted
from kernel import errors
from kernel.actors import Actor

# No index leads to who did what: a page looks through so many entries and says how far it came.
WINDOW: Final = 20_000


def entries_visible_to(actor: Actor) -> AuditQuerySet:
    """Entries of the actor's tenants; for a platform administrator also the platform's own."""
    visible: AuditQuerySet = AuditEntry.objects.visible_to(actor)
    return visible


def entries_matching(*, actor: Actor, wanted: Wanted) -> AuditQuerySet:
    """The entries of those the actor may see that are wanted."""
    exact = {
        "target_type": wanted.target_type,
        "target_id": wanted.target_id,
        "request_id": wanted.request_id,
    }
    found = entries_visible_to(actor).filter(**{name: text for name, text in exact.items() if text})
    if wanted.who:
        found = found.filter(Q(actor_label__icontains=wanted.who) | Q(actor_id=wanted.who))
    if wanted.action:
        how = "action__startswith" if wanted.action.endswith(".") else "action"
        found = found.filter(**{how: wanted.action})
    if wanted.scope:
        found = found.filter(tenant_id__isnull=wanted.scope == "platform")
    times = {"at__gte": wanted.since, "at__lt": wanted.until}
    return found.filter(**{name: at for name, at in times.items() if at is not None})


def entry_page(
    *, actor: Actor, wanted: Wanted, after: int | None = None, size: int = 50
) -> EntryPage:
    """The next wanted entries, the newest first, at a cost that no size of the log changes."""
    visible = entries_visible_to(actor)
    if after is not None:
        visible = visible.filter(pk__lt=after)
    newest = visible.order_by("-pk").values_list("pk", flat=True)
    wanted_entries = entries_matching(actor=actor, wanted=wanted)
    entries = list(wanted_entries.filter(pk__in=newest[:WINDOW]).order_by("-pk")[: size + 1])
    if len(entries) > size:
        return EntryPage(entries=entries[:size], after=entries[size - 1].pk)
    # Everything before this one has been looked at.
    last = next(iter(newest[WINDOW - 1 : WINDOW]), None)
    if last is None:
        return EntryPage(entries=entries)
    at = visible.filter(pk=last).values_list("at", flat=True).first()
    return EntryPage(entries=entries, after=last, looked_back_to=at)


def entry_at(*, actor: Actor, chain_id: int, seq: int) -> AuditEntry:
    """One entry by its place in a chain.

    Raises NotFound, and PermissionDenied for a member who is limited to sites and whose sites it is
    not about.
    """
    entry = entries_visible_to(actor).filter(chain_id=chain_id, seq=seq).first()
    if entry is None and chain_id in actor.site_limits:
        raise errors.PermissionDenied("This entry is not about your sites.")
    if entry is None:
        raise errors.NotFound
    found: AuditEntry = entry
    return found


def verifications_visible_to(actor: Actor) -> VerificationQuerySet:
    """What is known of the chains that the actor may read whole."""
    visible: VerificationQuerySet = Verification.objects.visible_to(actor)
    return visible.order_by("chain_id")


def whole_chains_of(actor: Actor) -> list[int]:
    """The chains that the actor may read whole: not those of tenants where sites limit them."""
    own = sorted(actor.tenant_ids - actor.site_limits.keys())
    return [PLATFORM_CHAIN, *own] if actor.is_platform_admin else own


def last_seqs(*, actor: Actor) -> dict[int, int]:
    """The number of the last entry of each chain that the actor may read whole."""
    entries = entries_visible_to(actor)
    found: dict[int, int] = {}
    for chain_id in whole_chains_of(actor):
        newest = entries.filter(chain_id=chain_id).order_by("-seq").values_list("seq", flat=True)
        found[chain_id] = newest.first() or 0
    return found


def as_json(entry: AuditEntry) -> dict[str, Any]:
    """The entry as every door shows it."""
    return {
        "id": entry.entry_hash,
        "scope": "platform" if entry.tenant_id is None else "tenant",
        "seq": entry.seq,
        "at": entry.at,
        "action": entry.action,
        "actor": {
            "kind": entry.actor_kind,
            "id": entry.actor_id,
            "label": entry.actor_label,
            "via": entry.actor_via,
            "address": entry.actor_address or None,
        },
        "request_id": entry.request_id,
        "target_type": entry.target_type,
        "target_id": entry.target_id,
        "before": entry.before,
        "after": entry.after,
        "cause": entry.cause,
        "previous_hash": entry.previous_hash,
    }
