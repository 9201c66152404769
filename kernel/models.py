"""Rows the kernel keeps: idempotency, rate windows, the live stream, heartbeats of jobs."""

from __future__ import annotations

from django.db import models


class IdempotencyRecord(models.Model):
    """One Idempotency-Key of one caller: reserved, then completed with the first response."""

    caller = models.CharField(max_length=80)
    key_digest = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)
    leased_until = models.DateTimeField()
    is_complete = models.BooleanField(default=False)
    status = models.PositiveSmallIntegerField(null=True)
    sealed_response = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "key_digest"], name="idempotency_once")
        ]

    def __str__(self) -> str:
        return f"{self.caller} {self.key_digest[:8]}"


class RateWindow(models.Model):
    """Tries counted for one key in one fixed window of time."""

    key = models.CharField(max_length=120)
    window_start = models.BigIntegerField()
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "window_start"], name="rate_window_once")
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.window_start}"


class LiveStream(models.Model):
    """The last number given out in one tenant's stream of live events."""

    tenant_id = models.BigIntegerField(primary_key=True)
    last_seq = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"stream {self.tenant_id} at {self.last_seq}"


class LiveEvent(models.Model):
    """One live event, kept long enough for a browser to resume."""

    tenant_id = models.BigIntegerField()
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "seq"], name="live_seq_once")]

    def __str__(self) -> str:
        return f"{self.tenant_id}/{self.seq} {self.kind}"


class Heartbeat(models.Model):
    """When a background part last showed that it makes progress."""

    name = models.CharField(max_length=60, primary_key=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
