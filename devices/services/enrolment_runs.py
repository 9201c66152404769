"""Runs bulk enrolments: a chunk of rows per transaction, by as many tickers as there are.

A chunk is leased by compare-and-set, its keys are made outside the transaction, and the
transaction begins with the same compare-and-set: what its rows became, the counts and the end of
the lease are committed together. A process killed anywhere leaves a lease that ends, and rows
that wait; one that was slower than its lease finds it gone and writes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError, OperationalError, transaction

from accounts import selectors as people
from devices import permissions, sealing, selectors
from devices.choices import EnrolledBy, EnrolmentMode, EnrolmentState, RowState
from devices.models import Device, Enrolment, EnrolmentRow, Site
from devices.services import (
    claim_code_issue,
    credentials,
    enrolment_progress,
    site_registration,
)
from devices.types import SiteDevice
from kernel import row_security, tokens
from kernel.actors import Actor
from kernel.errors import HomepotError, NotAuthenticated, NotFound, PermissionDenied
from kernel.failpoints import failpoint
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work

CHUNK = 40
# A chunk that takes longer ends early: nobody else writes to SQLite meanwhile.
CHUNK_SECONDS = 0.4
# The ticker has other jobs, and each of them waits for this one.
RUN_SECONDS = 1.0
LEASE = timedelta(seconds=30)
_OPEN = (EnrolmentState.QUEUED, EnrolmentState.RUNNING)
_SYSTEM = Actor.system("devices.enrolment")
Clock = Callable[[], float]


@dataclass(kw_only=True, slots=True)
class _Prepared:
    """A row with its secret, made before any lock is taken."""

    row: EnrolmentRow
    secret: str = field(repr=False)
    key_hash: str = field(repr=False)
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Surroundings:
    """What all rows of a chunk share; `refusal` is why none of them may be enrolled."""

    actor: Actor
    sites: Mapping[str, int]
    refusal: str = ""


def run(now: datetime, *, clock: Clock = time.monotonic) -> int:
    """Enrol waiting rows for about a second, a chunk of each enrolment in turn; returns how many.

    Any number of tickers may run it, and it may be killed anywhere: no row is lost or doubled.
    """
    ends_at, rows = clock() + RUN_SECONDS, 0
    while clock() < ends_at:
        found = _unleased(now)
        if not found:
            break
        for pk in found:
            if clock() < ends_at:
                rows += run_chunk(enrolment_id=pk, now=now, clock=clock)
    return rows


def run_chunk(*, enrolment_id: int, now: datetime, clock: Clock = time.monotonic) -> int:
    """Enrol the next rows of one enrolment; 0 when another process has it, or it is over."""
    with row_security.platform_scope("devices.enrolment"):
        enrolment = _lease(enrolment_id, now)
        if enrolment is None:
            return 0
        waiting = selectors.rows_of_enrolment(enrolment, state=RowState.WAITING)
        prepared = [_prepare(enrolment, row) for row in waiting.order_by("number")[:CHUNK]]
        failpoint("devices.enrolment.prepared")
        with unit_of_work():
            if not _extend(enrolment, now):
                return 0
            done = _enrol(enrolment, prepared, now, clock)
            _settle(enrolment, done, now)
            failpoint("devices.enrolment.written")
    return len(done)


def _unleased(now: datetime) -> list[int]:
    rows = Enrolment.objects.unscoped("jobs work for all tenants").filter(state__in=_OPEN)
    free = rows.filter(leased_until__isnull=True) | rows.filter(leased_until__lte=now)
    return list(free.order_by("pk").values_list("pk", flat=True)[:50])


def _lease(enrolment_id: int, now: datetime) -> Enrolment | None:
    rows = Enrolment.objects.unscoped("jobs work for all tenants").filter(pk=enrolment_id)
    enrolment: Enrolment | None = rows.filter(state__in=_OPEN).first()
    if enrolment is None or (enrolment.leased_until or now) > now:
        return None
    leased_until = now + LEASE
    won = rows.filter(state__in=_OPEN, leased_until=enrolment.leased_until).update(
        leased_until=leased_until, state=EnrolmentState.RUNNING
    )
    enrolment.leased_until = leased_until
    return enrolment if won else None


def _extend(enrolment: Enrolment, now: datetime) -> bool:
    """Hold the enrolment's row from here on, if the lease is still this process's."""
    rows = Enrolment.objects.unscoped("jobs work for all tenants").filter(pk=enrolment.pk)
    mine = rows.filter(state=EnrolmentState.RUNNING, leased_until=enrolment.leased_until)
    if not mine.update(leased_until=now + LEASE):
        return False
    enrolment.refresh_from_db(from_queryset=rows)
    return True


def _prepare(enrolment: Enrolment, row: EnrolmentRow) -> _Prepared:
    is_code = enrolment.mode == EnrolmentMode.CLAIM_CODE
    secret = tokens.new_code() if is_code else tokens.new_token(32)
    return _Prepared(
        row=row,
        secret=secret,
        key_hash="" if is_code else credentials.hash_key(secret),
        sealed=sealing.seal_secret(
            secret.encode(),
            public_key=bytes(enrolment.seal_key or b""),
            context=seal_context(enrolment, row.number),
        ),
    )


def seal_context(enrolment: Enrolment, number: int) -> bytes:
    """What a sealed secret is bound to: it opens in its own row only."""
    return f"{enrolment.uid}:{number}".encode()


def _enrol(
    enrolment: Enrolment, prepared: list[_Prepared], now: datetime, clock: Clock
) -> list[EnrolmentRow]:
    surroundings = _look_around(enrolment, prepared)
    ends_at = clock() + CHUNK_SECONDS
    done: list[EnrolmentRow] = []
    for one in prepared:
        if done and clock() >= ends_at:
            break
        _try_row(enrolment, one, surroundings, now)
        done.append(one.row)
    EnrolmentRow.objects.unscoped("the enrolment whose row is held").bulk_update(
        done, ["state", "problems", "given", "device", "sealed_secret"]
    )
    return done


def _look_around(enrolment: Enrolment, prepared: list[_Prepared]) -> _Surroundings:
    """The creator with the roles of this moment, and the sites, locked before any device."""
    wanted = {one.row.given.get("site") for one in prepared} - {"", None}
    rows = Site.objects.unscoped("the enrolment's tenant").filter(
        tenant_id=enrolment.tenant_id, site_id__in=wanted, removed_at__isnull=True
    )
    sites = {site.site_id: site.pk for site in lock_rows(rows) if site.removed_at is None}
    try:
        actor = people.actor_for_user(user_id=enrolment.created_by_id, via="system")
        permissions.require_enrol(actor, enrolment.tenant_id, enrolment.mode)
    except (NotAuthenticated, NotFound, PermissionDenied):
        refusal = f"{enrolment.created_by} may not take devices in here any more."
        return _Surroundings(actor=_SYSTEM, sites=sites, refusal=refusal)
    return _Surroundings(actor=actor, sites=sites)


def _try_row(
    enrolment: Enrolment, one: _Prepared, surroundings: _Surroundings, now: datetime
) -> None:
    """Enrol one row, or note why not: it stops no other."""
    try:
        with transaction.atomic():
            device = _take(enrolment, one, surroundings, now)
    except HomepotError as error:
        _fail(one.row, error.details or {"row": [error.message]})
    except OperationalError:
        raise
    except DatabaseError:
        _fail(one.row, {"row": ["The database does not take this row."]})
    else:
        one.row.state, one.row.device_id = RowState.ENROLLED, device.pk
        one.row.sealed_secret = one.sealed
        one.row.given = one.row.given | {"uid": device.uid}


def _fail(row: EnrolmentRow, problems: dict[str, list[str]]) -> None:
    row.state, row.problems = RowState.FAILED, problems


def _take(
    enrolment: Enrolment, one: _Prepared, surroundings: _Surroundings, now: datetime
) -> Device:
    if surroundings.refusal:
        raise PermissionDenied(surroundings.refusal)
    given, actor = one.row.given, surroundings.actor
    if not given:
        raise NotFound("What this row said was erased.")
    if enrolment.mode == EnrolmentMode.CLAIM_CODE:
        return claim_code_issue.issue_claim_code(
            given=given,
            code=one.secret,
            expires_at=codes_expire_at(enrolment, given),
            actor=actor,
            now=now,
        )
    return site_registration.enrol_one(
        tenant_id=enrolment.tenant_id,
        site_pk=_site_of(enrolment, given["site"], surroundings),
        given=_site_device(given),
        key=one.secret,
        key_hash=one.key_hash,
        by=enrolment.created_by,
        enrolled_by=EnrolledBy.BULK,
        actor=actor,
        now=now,
    )


def codes_expire_at(enrolment: Enrolment, given: Mapping[str, object]) -> datetime:
    """When the claim codes of an enrolment end: the same moment for all of them."""
    days = given["claim_days"]
    return (enrolment.started_at or enrolment.created_at) + timedelta(days=int(str(days)))


def _site_of(enrolment: Enrolment, site: str, surroundings: _Surroundings) -> int | None:
    pk = surroundings.sites.get(site) if site else None
    is_unknown = bool(site) and pk is None
    if is_unknown or not surroundings.actor.may_see_site(enrolment.tenant_id, pk):
        raise NotFound(details={"site": ["There is no such site."]})
    return pk


def _site_device(given: Mapping[str, object]) -> SiteDevice:
    values = {name: value for name, value in given.items() if name != "site"}
    for name in ("capabilities", "tags"):
        values[name] = tuple(given[name])  # type: ignore[arg-type]  # lists, as they were checked
    return SiteDevice(**values)  # type: ignore[arg-type]


def _settle(enrolment: Enrolment, done: list[EnrolmentRow], now: datetime) -> None:
    """Add to the counts, give the lease back, and end the enrolment when no row waits."""
    enrolment.enrolled += sum(row.state == RowState.ENROLLED for row in done)
    enrolment.failed += sum(row.state == RowState.FAILED for row in done)
    enrolment.leased_until = None
    if not selectors.rows_of_enrolment(enrolment, state=RowState.WAITING).exists():
        enrolment.state, enrolment.finished_at = EnrolmentState.DONE, now
        enrolment_progress.note(enrolment, "finished", before="running", actor=_SYSTEM, now=now)
    enrolment.save(update_fields=["enrolled", "failed", "leased_until", "state", "finished_at"])
    enrolment_progress.tell(enrolment, now=now)
