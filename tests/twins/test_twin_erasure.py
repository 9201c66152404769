"""Of an erased device's twin its versions' numbers stay, and nothing of what was in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from devices.services import erasing, unpairing
from tests.factories.devices import connected_device
from tests.twins.test_desiring import desire, revisions
from tests.twins.test_reporting import report, twin
from twins import selectors
from twins.services import lives

if TYPE_CHECKING:
    from kernel.actors import Actor
    from tests.factories.devices import Board

pytestmark = [pytest.mark.core, pytest.mark.django_db]


def test_documents_and_versions_go_and_numbers_stay(
    owner: Actor, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "CHUNK", 2)
    other = connected_device(owner)
    for each in (board, other):
        desire(each, {"a": "ada", "b": 1})
        desire(each, {"b": None})
        report(each, {"wifi": "ada's"})
    tags = [selectors.twin_of(actor=owner, device_uid=board.uid).etag]
    unpairing.unpair_device(device_uid=board.uid, actor=owner, now=timezone.now())
    tags.append(selectors.twin_of(actor=owner, device_uid=board.uid).etag)
    asked = erasing.request_erasure(device_uid=board.uid, actor=owner, now=timezone.now())
    while erasing.run_erasures(timezone.now()):
        pass
    tags.append(selectors.twin_of(actor=owner, device_uid=board.uid).etag)
    assert len(set(tags)) == 3, "what is shown is another each time"
    asked.refresh_from_db()
    assert asked.report["erased"]["twin"] == {"revisions_deleted": 3, "documents_emptied": 1}
    assert revisions(board) == []
    found = twin(board)
    assert (found.desired, found.reported, found.tombstones, found.desired_by) == ({}, {}, {}, "")
    assert (found.desired_stamps, found.reported_stamps) == ({}, {})
    assert (found.desired_version, found.reported_version) == (2, 1)
    assert len(revisions(other)) == 3
    assert twin(other).reported == {"wifi": "ada's"}
