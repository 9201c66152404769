"""Write down a change, in the transaction of the change."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.db import connection

from audit import chain
from audit.models import AuditEntry
from audit.querysets import PLATFORM_CHAIN
from kernel import row_security
from kernel.actors import Actor
from kernel.compiled import Insert, Select, Slot
from kernel.unit_of_work import before_commit

# The class half of our advisory locks; the other half is the chain.
_LOCK_CLASS = 0x41554449
_INT4_MASK = 0x7FFFFFFF
_ENTRY = Insert(AuditEntry)
_HEAD = Select(
    lambda: (
        AuditEntry.objects.unscoped("the chain continues from its own head")
        .filter(chain_id=Slot("chain_id"))
        .order_by("-seq")
        .values_list("seq", "entry_hash")[:1]
    )
)


class Audited(Protocol):
    """A row that entries can be about."""

    uid: Any
    tenant_id: Any


def record(
    *,
    tenant_id: int | None,
    action: str,
    actor: Actor,
    target_type: str,
    target_id: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    cause: list[Any] | None = None,
    now: datetime,
) -> None:
    """Add an entry to the tenant's chain (the platform's without one) in this unit of work.

    The entry takes its place in the chain just before COMMIT; a rollback leaves no trace of it.
    Raises chain.NotRecordable at once for values that JSON cannot hold.
    """
    entry = AuditEntry(
        chain_id=PLATFORM_CHAIN if tenant_id is None else tenant_id,
        tenant_id=tenant_id,
        at=now,
        action=action,
        actor_kind=actor.kind,
        actor_id=_fitting(actor.id, 100),
        actor_label=_fitting(actor.label, 200),
        actor_via=_fitting(actor.via, 20),
        actor_address=_fitting(actor.address or "", 45) if settings.AUDIT_ADDRESSES else "",
        request_id=_fitting(actor.request_id, 64),
        target_type=target_type,
        target_id=_fitting(target_id, 100),
        before=chain.storable(before),
        after=chain.storable(after),
        cause=chain.storable(cause or []),
    )
    before_commit(_flush, entry)


def record_of(
    subject_name: str,
    target_type: str,
    subject: Audited,
    verb: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Add an entry about a row of a tenant as `<subject_name>.<verb>`, as `record` does.

    Services fix the first two with `partial`: what they write about is always the same.
    """
    record(
        tenant_id=subject.tenant_id,
        action=f"{subject_name}.{verb}",
        actor=actor,
        target_type=target_type,
        target_id=subject.uid,
        before=before,
        after=after,
        now=now,
    )


def _fitting(text: str, length: int) -> str:
    clean: str = chain.storable(str(text))
    return clean[:length]


def _flush(entries: list[AuditEntry]) -> None:
    by_chain: dict[int, list[AuditEntry]] = defaultdict(list)
    for entry in entries:
        by_chain[entry.chain_id].append(entry)
    with row_security.covering(by_chain, name="audit.append"):
        # One order of chains for everybody: two units of work never wait for each other.
        for chain_id in sorted(by_chain):
            _lock(chain_id)
            _link(chain_id, by_chain[chain_id])
        _ENTRY.many([entry for group in by_chain.values() for entry in group])


def _lock(chain_id: int) -> None:
    """Hold the chain until COMMIT; a unit of work on SQLite holds the only write lock already."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, chain_id & _INT4_MASK])


def _link(chain_id: int, entries: list[AuditEntry]) -> None:
    # A statement of its own: one that had taken the lock itself would still see the rows of
    # the moment before it got it.
    seq, previous_hash = _HEAD.first(chain_id=chain_id) or (0, chain.GENESIS)
    for entry in entries:
        seq += 1
        entry.seq = seq
        entry.previous_hash = previous_hash
        entry.entry_hash = previous_hash = chain.entry_hash(previous_hash, entry.facts())
