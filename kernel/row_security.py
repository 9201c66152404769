"""Row-level security: which tenants' rows the database lets the present work touch.

A scope is entered at the door (a request, a device's session, a job) and holds until that work
ends. On PostgreSQL the forced policies of every tenant table read it from two settings that are
made inside each transaction and end with it, so a pooled connection carries nothing over. No
scope means no rows. SQLite has no such policies: there the scoped managers stand alone.

The settings travel with BEGIN, in the same round trip: a scope costs a unit of work nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import transaction
from django.db.backends.signals import connection_created
from psycopg.pq import ExecStatus, TransactionStatus

from kernel.actors import Actor

# The platform's own rows (its audit chain) count as those of a tenant that cannot exist.
PLATFORM_TENANT = 0
_APPLIED = "homepot_scope"
_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_.-")


@dataclass(frozen=True, slots=True)
class Scope:
    """Tenants whose rows may be touched, or the name of the platform-wide work that may touch all."""

    tenant_ids: frozenset[int] = frozenset()
    platform: str = ""

    def covers(self, tenant_ids: Iterable[int]) -> bool:
        """Whether rows of all these tenants may be touched."""
        return bool(self.platform) or self.tenant_ids.issuperset(tenant_ids)

    def statement(self) -> str:
        """The settings that the policies read; numbers and checked names only."""
        tenants = ",".join(map(str, sorted(self.tenant_ids)))
        return (
            f"SELECT set_config('app.tenant_id', '{tenants}', true), "
            f"set_config('app.platform', '{self.platform}', true)"
        )


NOTHING = Scope()
_scope: ContextVar[Scope | None] = ContextVar("row_scope", default=None)


class Outside:
    """What holds where no scope was entered at all: nothing, but in tests."""

    scope = NOTHING


def current() -> Scope:
    """The scope of the present work."""
    entered = _scope.get()
    return Outside.scope if entered is None else entered


def scope_of(actor: Actor) -> Scope:
    """What an actor may touch: rows of its tenants, and who runs the platform its audit chain."""
    if actor.is_system:
        return _named(actor.id)
    if actor.kind == "device" and not actor.roles:
        return _named("device.unclaimed")
    own = frozenset({PLATFORM_TENANT}) if actor.is_platform_admin else frozenset()
    return Scope(actor.member_of | own)


@contextmanager
def request_scope() -> Iterator[None]:
    """Hold what `enter_for` lets in until the block ends; nothing to begin with."""
    token = _scope.set(NOTHING)
    try:
        yield
    finally:
        _scope.reset(token)


def enter_for(actor: Actor) -> None:
    """Let the rest of the present request touch what the actor may; for the doors only."""
    _scope.set(scope_of(actor))


def enter_platform(name: str) -> None:
    """Let the rest of the present request touch all tenants' rows; for the admin's door only."""
    _scope.set(_named(name))


@contextmanager
def tenant_scope(*tenant_ids: int) -> Iterator[None]:
    """Touch rows of these tenants only."""
    with _entered(Scope(frozenset(tenant_ids))):
        yield


@contextmanager
def actor_scope(actor: Actor) -> Iterator[None]:
    """Touch what the actor may touch."""
    with _entered(scope_of(actor)):
        yield


@contextmanager
def platform_scope(name: str) -> Iterator[None]:
    """Touch rows of all tenants for a named piece of platform-wide work.

    The names are collected in docs/permissions.md; a person who works on the whole platform
    leaves an audit entry besides.
    """
    with _entered(_named(name)):
        yield


@contextmanager
def device_scope(tenant_id: int | None) -> Iterator[None]:
    """Touch what a device may: rows of its owner.

    Rows without an owner are seen by platform-wide work only, so a device without one works so;
    whose it is by now, the services ask under its lock.
    """
    with _entered(
        _named("device.unclaimed") if tenant_id is None else Scope(frozenset({tenant_id}))
    ):
        yield


@contextmanager
def covering(tenant_ids: Iterable[int], *, name: str) -> Iterator[None]:
    """Keep the scope if it covers these tenants; work platform-wide under the name otherwise."""
    held = current()
    with _entered(held if held.covers(tenant_ids) else _named(name)):
        yield


def _named(name: str) -> Scope:
    if not name or not _NAME_CHARS.issuperset(name):
        raise ValueError(f"{name!r} is no name of platform-wide work.")
    return Scope(platform=name)


@contextmanager
def _entered(scope: Scope) -> Iterator[None]:
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def reading(connection: Any) -> Iterator[None]:
    """One transaction for several reads, so that they share one BEGIN; inside another, join it.

    Only where reads need a scope: SQLite would take its write lock.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    with transaction.atomic(using=connection.alias):
        yield


def confine(sender: Any, connection: Any, **kwargs: Any) -> None:
    """Have every statement of a new PostgreSQL connection run within the scope of its time."""
    if connection.vendor == "postgresql" and _within_scope not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, _within_scope)


connection_created.connect(confine, dispatch_uid="kernel.row_security")


def _within_scope(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    connection = context["connection"]
    raw = connection.connection
    wanted = current()
    status = raw.pgconn.transaction_status
    if status == TransactionStatus.IDLE:
        if not raw.autocommit:
            with connection.wrap_database_errors:
                _begin(connection, raw, wanted)
        elif wanted != NOTHING:
            # A statement of its own becomes a transaction of its own: the setting must end with it.
            with transaction.atomic(using=connection.alias):
                with connection.wrap_database_errors:
                    _begin(connection, raw, wanted)
                return execute(sql, params, many, context)
    elif status == TransactionStatus.INTRANS and connection.__dict__.get(_APPLIED) != wanted:
        with connection.wrap_database_errors:
            _send(raw, wanted.statement())
        connection.__dict__[_APPLIED] = wanted
    try:
        return execute(sql, params, many, context)
    finally:
        if isinstance(sql, str) and sql.startswith("ROLLBACK TO"):
            # What was set since the savepoint is undone; nobody knows what holds now.
            connection.__dict__[_APPLIED] = None


def _begin(connection: Any, raw: Any, wanted: Scope) -> None:
    if raw.isolation_level is None:
        _send(raw, f"BEGIN; {wanted.statement()}")
    else:
        raw.execute(wanted.statement())
    connection.__dict__[_APPLIED] = wanted


def _send(raw: Any, statement: str) -> None:
    result = raw.pgconn.exec_(statement.encode("ascii"))
    if result.status != ExecStatus.TUPLES_OK:
        raise psycopg.OperationalError(raw.pgconn.get_error_message())
