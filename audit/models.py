"""One row per change, never changed or deleted: triggers refuse it (migration 0002)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from audit.chain import GENESIS, Facts
from audit.choices import ChainState
from audit.querysets import AuditManager, VerificationManager


class AuditEntry(models.Model):
    """One change: who, what, when, before and after, and what led to it.

    Nothing here is a foreign key: history outlives what it tells of. `chain_id` is the tenant,
    or 0 for what concerns the platform.
    """

    chain_id = models.BigIntegerField()
    seq = models.BigIntegerField()
    tenant_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    action = models.CharField(max_length=100)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=100)
    actor_label = models.CharField(max_length=200)
    actor_via = models.CharField(max_length=20)
    actor_address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    target_type = models.CharField(max_length=60)
    target_id = models.CharField(max_length=100)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    cause = models.JSONField(default=list)
    previous_hash = models.CharField(max_length=64)
    entry_hash = models.CharField(max_length=64)

    objects = AuditManager()

    class Meta:
        verbose_name_plural = "audit entries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chain_id", "seq"], name="audit_seq_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["chain_id", "-id"], name="audit_newest_of_chain"),
            models.Index(fields=["target_type", "target_id", "-id"], name="audit_by_target"),
        ]

    def __str__(self) -> str:
        return f"{self.chain_id}/{self.seq} {self.action} {self.target_type} {self.target_id}"

    def facts(self) -> Facts:
        """What the entry's hash covers."""
        return Facts(
            chain_id=self.chain_id,
            seq=self.seq,
            tenant_id=self.tenant_id,
            at=self.at,
            action=self.action,
            actor={
                "kind": self.actor_kind,
                "id": self.actor_id,
                "label": self.actor_label,
                "via": self.actor_via,
                "address": self.actor_address,
            },
            request_id=self.request_id,
            target_type=self.target_type,
            target_id=self.target_id,
            before=self.before,
            after=self.after,
            cause=self.cause,
        )


class Verification(models.Model):
    """How far a chain is known to hold, and what was found wrong with it.

    `head` is the furthest entry that was found right; it must stay where it is. A whole pass looks
    at everything again from the beginning and keeps its place in `pass_seq`.
    """

    chain_id = models.BigIntegerField(unique=True)
    state = models.CharField(max_length=8, choices=ChainState.choices, default=ChainState.UNKNOWN)
    head_seq = models.BigIntegerField(default=0)
    head_hash = models.CharField(max_length=64, default=GENESIS)
    # When the last entry of that time was reached.
    checked_at = models.DateTimeField(null=True)
    # When a job looked last, whatever came of it.
    looked_at = models.DateTimeField(null=True, db_index=True)
    pass_began_at = models.DateTimeField(null=True)
    pass_seq = models.BigIntegerField(default=0)
    pass_hash = models.CharField(max_length=64, default=GENESIS)
    whole_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    broken_at = models.DateTimeField(null=True)
    bad_seq = models.BigIntegerField(null=True)
    problem = models.CharField(max_length=200, blank=True, default="")

    objects = VerificationManager()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["asked_at"],
                condition=models.Q(asked_at__isnull=False),
                name="audit_verification_asked",
            )
        ]

    def __str__(self) -> str:
        return f"chain {self.chain_id}: {self.state} up to {self.head_seq}"
