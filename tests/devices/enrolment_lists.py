"""Lists of devices for tests of bulk enrolment."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pyzipper
from django.utils import timezone

from devices.models import Device, Enrolment, EnrolmentRow
from devices.services import enrolling, enrolment_runs
from devices.services.enrolling import CheckedEnrolment, DeviceList, StartedEnrolment
from kernel.actors import Actor


def device_rows(count: int, *, prefix: str = "pos") -> list[dict[str, Any]]:
    """Rows that can be enrolled with keys."""
    return [
        {"device_id": f"{prefix}-{number}", "name": f"Till {number}", "tags": ["till"]}
        for number in range(1, count + 1)
    ]


def hardware_rows(count: int) -> list[dict[str, Any]]:
    """Rows that can be enrolled with claim codes."""
    return [
        {"hardware_id": f"AA:BB:{number}", "name": f"Board {number}", "model": "HP-R4"}
        for number in range(1, count + 1)
    ]


def checked(actor: Actor, rows: Sequence[dict[str, Any]], **more: Any) -> CheckedEnrolment:
    """The dry run of these rows."""
    columns = {name for row in rows for name in row}
    given = DeviceList(**{"mode": "api_key", "columns": columns, "rows": rows, **more})
    return enrolling.check_enrolment(given=given, actor=actor, now=timezone.now())


def started(actor: Actor, rows: Sequence[dict[str, Any]], **more: Any) -> StartedEnrolment:
    """These rows, asked to be enrolled."""
    uid = checked(actor, rows, **more).enrolment.uid
    return enrolling.start_enrolment(enrolment_uid=uid, actor=actor, now=timezone.now())


def run_all() -> int:
    """Run the job until no enrolment waits; returns how many rows it took."""
    rows = 0
    while taken := enrolment_runs.run(timezone.now(), clock=lambda: 0.0):
        rows += taken
    return rows


def now_of(enrolment: Enrolment) -> Enrolment:
    """The enrolment as it is now."""
    found: Enrolment = Enrolment.objects.unscoped("tests look at everything").get(pk=enrolment.pk)
    return found


def rows_of(enrolment: Enrolment) -> list[EnrolmentRow]:
    """Its rows in order."""
    rows = EnrolmentRow.objects.unscoped("tests look at everything")
    return list(rows.filter(enrolment_id=enrolment.pk).order_by("number"))


def states_of(enrolment: Enrolment) -> list[str]:
    """What became of each row, in order."""
    return [row.state for row in rows_of(enrolment)]


def living(prefix: str) -> int:
    """How many living devices are called so."""
    return int(Device.objects.unscoped("tests").filter(device_id__startswith=prefix).count())


def unpacked(content: bytes, passphrase: str) -> dict[str, str]:
    """The files of an archive under the passphrase."""
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(passphrase.encode())
        return {name: archive.read(name).decode() for name in archive.namelist()}
