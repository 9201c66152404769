"""The server is killed within a bulk enrolment, comes back on its data, and every row is once."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.devices.enrolment_lists import device_rows, unpacked
from tests.factories.installation import Installation, eventually
from tests.faults.test_kills import arm, is_dead

pytestmark = [pytest.mark.fault, pytest.mark.e2e, pytest.mark.embedded_only]
ROWS = 60
END_LEASES = """
from django.utils import timezone
from devices.models import Enrolment
from kernel import row_security
with row_security.platform_scope("test.leases"):
    held = Enrolment.objects.unscoped("test").filter(leased_until__gt=timezone.now())
    print("ended", held.update(leased_until=timezone.now()))
"""


@pytest.mark.parametrize("place", ["devices.enrolment.prepared", "devices.enrolment.written"])
def test_a_killed_enrolment_goes_on_after_its_lease(start_product: Any, place: str) -> None:
    home = Installation(start_product("embedded", HOMEPOT_FAILPOINT=f"{place}:kill"))
    made = home.call("POST", "/api/v1/enrolments", {"rows": device_rows(ROWS)})
    assert made.status == 201, made
    path = f"/api/v1/enrolments/{made.body['uid']}"
    passphrase = home.call("POST", f"{path}/start").body["passphrase"]
    eventually(lambda: is_dead(home), within_s=15, what=f"nothing reached {place}")
    # Half a minute of waiting in the life of the dead process: its lease is held, then it ends.
    assert "ended 1" in home.product.manage("shell", "-c", END_LEASES)
    arm(home, "")
    home.product.restart()
    eventually(
        lambda: home.call("GET", path).body["state"] == "done", within_s=30, what="it did not go on"
    )
    shown = home.call("GET", path).body
    assert (shown["enrolled"], shown["failed"]) == (ROWS, 0)
    answer = home.call("POST", f"{path}/keys", {"passphrase": passphrase})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
    keys = list(csv.DictReader(io.StringIO(unpacked(answer.body, passphrase)["keys.csv"])))
    assert len({row["uid"] for row in keys}) == ROWS
    listed = home.call("GET", "/api/v1/devices?page_size=200").body["items"]
    assert {device["uid"] for device in listed} == {row["uid"] for row in keys}
