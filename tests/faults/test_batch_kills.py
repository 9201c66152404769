"""The server is killed while a batch is being asked, and every device is asked once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories.installation import Installation, eventually
from tests.faults.test_kills import arm, is_dead

pytestmark = [pytest.mark.fault, pytest.mark.e2e, pytest.mark.embedded_only]
DEVICES = 30


def test_a_killed_batch_asks_every_device_once(start_product: Any) -> None:
    home = Installation(
        start_product(
            "embedded",
            HOMEPOT_FAILPOINT="commands.batch.written:kill",
            PROVISIONS_PER_MINUTE="1000",
        )
    )
    uids = [home.new_device(f"board-{number}")["device_uid"] for number in range(DEVICES)]
    wanted = {"kind": "reboot", "target": {"devices": uids}}
    made = home.call("POST", "/api/v1/command-batches", wanted)
    assert made.status == 201, made
    eventually(lambda: is_dead(home), within_s=15, what="no device was asked")
    arm(home, "")
    home.product.restart()

    path = f"/api/v1/command-batches/{made.body['id']}"
    counts = eventually(
        lambda: (
            None if home.call("GET", path).body["counts"]["pending"] else home.call("GET", path)
        ),
        within_s=20,
        what="it did not go on",
    ).body["counts"]
    assert (counts["open"], counts["skipped"]) == (DEVICES, 0)
    listed = home.call("GET", "/api/v1/commands?kind=reboot&page_size=200").body["items"]
    assert sorted(command["device_uid"] for command in listed) == sorted(uids)
