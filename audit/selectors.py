"""Reading the audit log."""

from __future__ import annotations

from typing import Any

from audit.models import AuditEntry
from audit.querysets import AuditQuerySet
from kernel.actors import Actor


def entries_visible_to(actor: Actor) -> AuditQuerySet:
    """Entries of the actor's tenants; for a platform administrator also the platform's own."""
    visible: AuditQuerySet = AuditEntry.objects.visible_to(actor)
    return visible


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
