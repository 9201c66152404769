"""Bulk enrolment out of a file that somebody uploads."""

from __future__ import annotations

from datetime import datetime

from devices import enrolment_file, enrolment_rows
from devices.services import enrolling
from devices.services.enrolling import CheckedEnrolment, DeviceList
from kernel.actors import Actor


def check_file(
    *, body: bytes, mode: str, site: str = "", actor: Actor, now: datetime
) -> CheckedEnrolment:
    """Check every row of a CSV file and keep the list, so that it can be started; enrols nothing.

    Raises what `enrolling.check_enrolment` does, and ValidationFailed for what is no CSV.
    """
    columns, rows = enrolment_file.rows_of_csv(body, limit=enrolment_rows.MAX_ROWS)
    given = DeviceList(mode=mode, columns=columns, rows=rows, site=site)
    return enrolling.check_enrolment(given=given, actor=actor, now=now)
