"""Bulk enrolment as people ask for it: checked first, started, cancelled. `enrolment_runs` runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.permissions import one_tenant
from devices import enrolment_rows, permissions, sealing, selectors
from devices.choices import EnrolmentMode, EnrolmentState, RowState
from devices.enrolment_rows import CheckedRow
from devices.models import Device, Enrolment, EnrolmentRow
from devices.services import enrolment_progress
from kernel import row_security, tokens
from kernel.actors import Actor
from kernel.errors import Conflict, ValidationFailed
from kernel.unit_of_work import unit_of_work

MAX_CLAIM_DAYS = 365
# A tenant's enrolments that are not over yet: each may be 10,000 rows that somebody keeps.
MAX_OPEN = 20
_OPEN = (EnrolmentState.CHECKED, EnrolmentState.QUEUED, EnrolmentState.RUNNING)
_BATCH = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceList:
    """A list of devices to be taken in, as it came; `site` is for rows that name none."""

    mode: str
    columns: Iterable[str]
    rows: Sequence[Mapping[str, Any]]
    site: str = ""
    claim_days: int = MAX_CLAIM_DAYS


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedEnrolment:
    """The dry run: nothing is enrolled yet."""

    enrolment: Enrolment
    rows: list[CheckedRow]


@dataclass(frozen=True, kw_only=True, slots=True)
class StartedEnrolment:
    """An enrolment that will run; the passphrase is shown this once."""

    enrolment: Enrolment
    passphrase: str = field(repr=False)


def check_enrolment(*, given: DeviceList, actor: Actor, now: datetime) -> CheckedEnrolment:
    """Check every row and keep the list, so that it can be started; enrols nothing.

    Raises ValidationFailed for what concerns the list as a whole (columns, length, site), Conflict
    when too many of the tenant's enrolments are open, TenantRequired, PermissionDenied below
    admin and, for claim codes, for all but administrators of the platform.
    """
    tenant_id = one_tenant(actor)
    permissions.require_enrol(actor, tenant_id, given.mode)
    _check_list(given)
    rows = enrolment_rows.check_rows(given.mode, given.rows, given.site)
    if given.mode == EnrolmentMode.CLAIM_CODE:
        _check_hardware(rows)
    else:
        _check_device_ids(rows, tenant_id)
        _check_sites(rows, tenant_id, actor)
    with unit_of_work():
        kept = Enrolment.objects.unscoped("the tenant the actor may act for")
        if kept.filter(tenant_id=tenant_id, state__in=_OPEN).count() >= MAX_OPEN:
            raise Conflict(f"{MAX_OPEN} enrolments are open. Start or cancel one first.")
        enrolment = Enrolment.objects.create(
            uid=tokens.new_public_id(),
            tenant_id=tenant_id,
            mode=given.mode,
            total=len(rows),
            invalid=sum(bool(row.problems) for row in rows),
            created_at=now,
            created_by_id=actor.user_id or 0,
            created_by=actor.label[:200],
        )
        EnrolmentRow.objects.bulk_create(_rows(enrolment, rows, given), batch_size=_BATCH)
        enrolment_progress.note(enrolment, "created", before=None, actor=actor, now=now)
    return CheckedEnrolment(enrolment=enrolment, rows=rows)


def start_enrolment(*, enrolment_uid: str, actor: Actor, now: datetime) -> StartedEnrolment:
    """Have the valid rows enrolled by the next job, and give out the passphrase of their keys.

    Raises Conflict for one that was started or cancelled before (its passphrase is shown once),
    or that has no valid row; NotFound, PermissionDenied.
    """
    passphrase = sealing.new_passphrase()
    # Stretching takes its time; no lock is held meanwhile.
    seal = sealing.new_seal(passphrase)
    with unit_of_work():
        enrolment = selectors.enrolment_by_uid(actor=actor, uid=enrolment_uid)
        permissions.require_enrol(actor, enrolment.tenant_id, enrolment.mode)
        if enrolment.total == enrolment.invalid:
            raise Conflict("No row of this enrolment is valid.")
        _move(
            enrolment,
            [EnrolmentState.CHECKED],
            {
                "state": EnrolmentState.QUEUED,
                "started_at": now,
                "seal_key": seal.public_key,
                "seal_salt": seal.salt,
            },
        )
        enrolment_progress.note(enrolment, "started", before="checked", actor=actor, now=now)
        enrolment_progress.tell(enrolment, now=now)
    return StartedEnrolment(enrolment=enrolment, passphrase=passphrase)


def cancel_enrolment(*, enrolment_uid: str, actor: Actor, now: datetime) -> Enrolment:
    """Enrol no further row; those that are enrolled stay, and their keys can be fetched.

    Cancelling twice is fine. Raises Conflict for one that is done, NotFound, PermissionDenied.
    """
    with unit_of_work():
        enrolment = selectors.enrolment_by_uid(actor=actor, uid=enrolment_uid)
        permissions.require_enrol(actor, enrolment.tenant_id, enrolment.mode)
        if enrolment.state == EnrolmentState.CANCELLED:
            return enrolment
        before = str(enrolment.state)
        cancelled = {"state": EnrolmentState.CANCELLED, "finished_at": now, "leased_until": None}
        _move(enrolment, _OPEN, cancelled)
        rows = selectors.rows_of_enrolment(enrolment, state=RowState.WAITING)
        rows.update(state=RowState.SKIPPED)
        enrolment_progress.note(enrolment, "cancelled", before=before, actor=actor, now=now)
        enrolment_progress.tell(enrolment, now=now)
    return enrolment


def _move(enrolment: Enrolment, sources: Iterable[str], values: dict[str, Any]) -> None:
    """Compare-and-set, then the enrolment as it is. Raises Conflict in another state."""
    rows = Enrolment.objects.unscoped("found within the actor's scope")
    if not rows.filter(pk=enrolment.pk, state__in=list(sources)).update(**values):
        raise Conflict("This enrolment was started, cancelled or finished before.")
    enrolment.refresh_from_db(from_queryset=rows)


def _check_list(given: DeviceList) -> None:
    if given.mode not in EnrolmentMode.values:
        raise ValidationFailed(details={"mode": [f"One of {', '.join(EnrolmentMode.values)}."]})
    if not 1 <= given.claim_days <= MAX_CLAIM_DAYS:
        raise ValidationFailed(details={"claim_days": [f"From 1 to {MAX_CLAIM_DAYS}."]})
    if not 1 <= len(given.rows) <= enrolment_rows.MAX_ROWS:
        raise ValidationFailed(details={"rows": [f"From 1 to {enrolment_rows.MAX_ROWS} rows."]})
    enrolment_rows.check_columns(given.mode, given.columns)


def _check_device_ids(rows: list[CheckedRow], tenant_id: int) -> None:
    by_id = {row.given["device_id"]: row for row in reversed(rows) if not row.problems}
    devices = Device.objects.unscoped("the tenant the actor may act for")
    for part in _parts(list(by_id)):
        taken = devices.filter(tenant_id=tenant_id, device_id__in=part)
        for device_id in taken.values_list("device_id", flat=True):
            by_id[device_id].refuse("device_id", "A device of this id is registered already.")


def _check_sites(rows: list[CheckedRow], tenant_id: int, actor: Actor) -> None:
    wanted = {row.given["site"] for row in rows if row.given["site"]}
    known: dict[str, int] = {}
    for part in _parts(sorted(wanted)):
        known |= selectors.site_pks(tenant_id=tenant_id, site_ids=part)
    for row in rows:
        site = row.given["site"]
        if "site" in row.problems:
            continue
        if not site and not actor.may_see_site(tenant_id, None):
            row.refuse("site", "Name one of your sites.")
        elif site and (site not in known or not actor.may_see_site(tenant_id, known[site])):
            row.refuse("site", "There is no such site.")


def _check_hardware(rows: list[CheckedRow]) -> None:
    by_id = {row.given["hardware_id"]: row for row in reversed(rows) if not row.problems}
    # Whether hardware has an owner is asked of all tenants; only who runs the platform may.
    with row_security.platform_scope("devices.enrolment_check"):
        for part in _parts(list(by_id)):
            owned = Device.objects.unscoped("hardware is looked up before it has a tenant").filter(
                hardware_id__in=part, tenant__isnull=False
            )
            for hardware_id in owned.values_list("hardware_id", flat=True):
                by_id[hardware_id].refuse("hardware_id", "This hardware has an owner.")


def _parts(values: list[str]) -> Iterator[list[str]]:
    return (values[start : start + _BATCH] for start in range(0, len(values), _BATCH))


def _rows(
    enrolment: Enrolment, rows: list[CheckedRow], given: DeviceList
) -> Iterator[EnrolmentRow]:
    more = {"claim_days": given.claim_days} if given.mode == EnrolmentMode.CLAIM_CODE else {}
    for row in rows:
        yield EnrolmentRow(
            enrolment=enrolment,
            tenant_id=enrolment.tenant_id,
            number=row.number,
            given=row.given | more,
            problems=row.problems or None,
            state=RowState.INVALID if row.problems else RowState.WAITING,
        )
