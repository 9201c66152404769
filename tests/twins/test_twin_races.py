"""Many writers on one twin: no update is lost, and none is made to a version it did not mean."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from edge.protocol.messages import TwinReported
from kernel.actors import Actor
from tests.factories.devices import connected_device
from tests.factories.users import make_actor
from tests.kernel.threads import run_at_once
from tests.rounds import rounds
from tests.twins.test_desiring import MACHINE
from tests.twins.test_reporting import twin
from twins import selectors
from twins.errors import TwinVersionConflict
from twins.models import TwinRevision
from twins.services import desiring, reporting

if TYPE_CHECKING:
    from twins.types import TwinView

pytestmark = [
    pytest.mark.core,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(1_800),
]
WRITERS = rounds(8, full=50)
# 10,000 updates in all when asked in full.
EACH = rounds(4, full=200)


def test_no_update_is_lost_among_many_writers() -> None:
    """Each writer counts in a place of its own and in a common one, by If-Match and retry."""
    owner = make_actor()
    board = connected_device(owner)

    def count_up(number: int) -> int:
        conflicts = 0
        mine = f"w{number}"
        view = selectors.twin_of(actor=owner, device_uid=board.uid)
        for _ in range(EACH):
            while True:
                try:
                    view = _add(board.uid, view, mine, owner)
                    break
                except TwinVersionConflict:
                    conflicts += 1
                    view = selectors.twin_of(actor=owner, device_uid=board.uid)
        return conflicts

    outcomes = run_at_once(WRITERS, count_up)
    assert [one for one in outcomes if isinstance(one, BaseException)] == []
    found = twin(board)
    assert found.desired == {f"w{number}": EACH for number in range(WRITERS)} | {
        "all": WRITERS * EACH
    }
    assert found.desired_version == WRITERS * EACH
    versions = TwinRevision.objects.unscoped("tests look").filter(device_id=board.device_id)
    assert sorted(versions.values_list("version", flat=True)) == list(range(1, WRITERS * EACH + 1))


def test_patches_of_different_places_and_reports_at_once_all_hold() -> None:
    """Machines that need no If-Match merge under the device's lock, while it reports."""
    board = connected_device(make_actor())

    def write(number: int) -> None:
        for turn in range(1, EACH + 1):
            if number % 2:
                desiring.patch_desired(
                    device_uid=board.uid, patch={f"w{number}": turn}, actor=MACHINE,
                    now=timezone.now(),
                )  # fmt: skip
            else:
                reporting.record_report(
                    device_id=board.device_id,
                    epoch=board.epoch,
                    report=TwinReported(patch={f"w{number}": turn}),
                    now=timezone.now(),
                )

    outcomes = run_at_once(WRITERS, write)
    assert Counter(outcomes) == {None: WRITERS}
    found = twin(board)
    assert found.desired == {f"w{number}": EACH for number in range(1, WRITERS, 2)}
    assert found.reported == {f"w{number}": EACH for number in range(0, WRITERS, 2)}
    assert found.desired_version == found.reported_version == WRITERS // 2 * EACH


def _add(uid: str, view: TwinView, mine: str, actor: Actor) -> TwinView:
    return desiring.patch_desired(
        device_uid=uid,
        patch={mine: view.desired.get(mine, 0) + 1, "all": view.desired.get("all", 0) + 1},
        if_match=view.etag,
        actor=actor,
        now=timezone.now(),
    )
