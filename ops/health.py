"""Is the product alive, and is it ready to serve?"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse  # noqa: TID251  these are views
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kernel import realtime, ticker
from kernel.api.views import json_response
from telemetry.services import ingest_processes

logger = logging.getLogger(__name__)

TICKER_SILENCE = timedelta(seconds=30)

# A check returns what is wrong in a few words that disclose nothing, or an empty string.
Check = Callable[[datetime], str]


@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """Liveness: the process answers. Touches nothing that could be down."""
    return json_response({"status": "ok"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Readiness: 200 when every part works, 503 with the parts that do not.

    MQTT is told of where there is a broker, and asked of nobody: pages and sockets serve without.
    """
    now = timezone.now()
    parts = {name: _examine(name, check, now) for name, check in CHECKS.items()}
    is_ready = all(part["ok"] for part in parts.values())
    if settings.MQTT_URL:
        parts["mqtt"] = _examine("mqtt", _mqtt, now)
        if parts["mqtt"]["ok"]:
            parts["mqtt"]["detail"] = _mqtt_detail(now)
    body = {"status": "ready" if is_ready else "not_ready", "checks": parts}
    return json_response(body, status=200 if is_ready else 503)


def _examine(name: str, check: Check, now: datetime) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        problem = check(now)
    except Exception as error:  # noqa: BLE001  whatever a part fails with, the answer is "not ready"
        logger.warning("The check of %s failed: %s", name, type(error).__name__)
        problem = "does not answer"
    latency_ms = round((time.perf_counter() - started) * 1000, 2)
    return {"ok": not problem, "latency_ms": latency_ms, "detail": problem or "ok"}


def _database(now: datetime) -> str:
    # A connection that broke since the last request must not speak for the database of now.
    connection.close_if_unusable_or_obsolete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return ""


def _layer(now: datetime) -> str:
    return "" if realtime.bus().check() else "not connected"


def _ticker(now: datetime) -> str:
    beat_at = ticker.last_beat()
    if beat_at is None:
        return "has not run yet"
    return "" if now - beat_at < TICKER_SILENCE else "silent for more than 30 s"


def _migrations(now: datetime) -> str:
    try:
        _require_migrated()
    except _Unmigrated:
        return "migrations are waiting"
    return ""


def _mqtt(now: datetime) -> str:
    state = ingest_processes.ingest_state(now=now)
    if not state.processes:
        return "no process takes from the broker"
    return "" if state.connected else "not connected to the broker"


def _mqtt_detail(now: datetime) -> str:
    dropped = ingest_processes.ingest_state(now=now).dropped
    return f"ok; the broker has dropped {dropped} messages" if dropped else "ok"


class _Unmigrated(Exception):
    """Some migration has not been applied."""


@lru_cache(maxsize=1)
def _require_migrated() -> None:
    """Only a good outcome is remembered: it cannot turn bad while this code runs."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise _Unmigrated


CHECKS: dict[str, Check] = {
    "database": _database,
    "layer": _layer,
    "ticker": _ticker,
    "migrations": _migrations,
}
