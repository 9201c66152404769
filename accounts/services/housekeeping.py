"""Forgets sessions, tokens and tickets that have served their time, a batch at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models

from accounts.models import LoginSession, RefreshToken, SocketTicket
from accounts.services import sessions

BATCH = 10_000
_ENDED_SESSIONS_KEPT = timedelta(days=90)
_ENDED_TOKENS_KEPT = timedelta(days=1)
_IDLE_BATCH = 200


def purge(*, now: datetime) -> int:
    """Delete what is over and end what nobody uses; safe to run twice; returns rows deleted.

    Used refresh tokens of a live session stay until they expire: they are how reuse is noticed.
    """
    idle_since = now - timedelta(days=settings.REFRESH_TOKEN_DAYS)
    sessions.end_idle(idle_since=idle_since, limit=_IDLE_BATCH, now=now)
    over = (
        RefreshToken.objects.filter(expires_at__lt=now),
        RefreshToken.objects.filter(session__ended_at__lt=now - _ENDED_TOKENS_KEPT),
        SocketTicket.objects.filter(expires_at__lt=now),
        LoginSession.objects.filter(ended_at__lt=now - _ENDED_SESSIONS_KEPT),
        Session.objects.filter(expire_date__lt=now),
    )
    return sum(_delete_batch(rows) for rows in over)


def _delete_batch(rows: models.QuerySet[models.Model]) -> int:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
    if not keys:
        return 0
    return rows.model._default_manager.filter(pk__in=keys).delete()[0]
