"""Every number of a boot is stored once, in whatever order and company it comes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry import window_statements
from telemetry.models import Reading, ReadingWindow
from telemetry.policies import kept_raw
from telemetry.services import erasing, ingestion, retention, rolling
from telemetry.types import SENT_ONCE, Acknowledgement, Batch
from telemetry.windows import BLOCK, packed, place_of, unpacked
from tests.kernel.threads import run_at_once
from tests.telemetry.boards import NOW, batch, board, household, reading, stored

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]

# Around the ends of blocks, where a slip would show, and as far out as a number may be.
_numbers = st.one_of(
    st.integers(0, 40),
    st.integers(BLOCK - 3, BLOCK + 3),
    st.integers(5 * BLOCK - 2, 5 * BLOCK + 2),
    st.sampled_from([2**53 - 1, 2**63 - 1]),
)
_frames = st.tuples(st.sampled_from(["boot-1", "null", "boot-2"]), st.lists(_numbers, min_size=1))


def windows() -> Any:
    return ReadingWindow.objects.unscoped("tests look at everything")


@given(numbers=st.sets(_numbers))
def test_a_window_comes_back_as_it_was_packed(numbers: set[int]) -> None:
    kept: dict[int, int] = {}
    for seq in numbers:
        block, bit = place_of(seq)
        kept[block] = kept.get(block, 0) | bit
    assert {block: unpacked(packed(bits)) for block, bits in kept.items()} == kept
    assert sum(bits.bit_count() for bits in kept.values()) == len(numbers)
    assert all(len(packed(bits)) <= BLOCK // 8 for bits in kept.values())


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(flushes=st.lists(st.lists(_frames, min_size=1, max_size=4), min_size=1, max_size=4))
def test_what_is_stored_is_what_a_set_would_hold(
    two_boards: list[Any], flushes: list[list[tuple[str, list[int]]]]
) -> None:
    Reading.objects.unscoped("each example begins empty").delete()
    windows()._raw_delete("default")
    law: set[tuple[int, str, int]] = set()
    for flush in flushes:
        batches, expected = [], []
        for place, (boot_id, numbers) in enumerate(flush):
            device = two_boards[place % 2]
            readings = [reading(seq, at=NOW) for seq in numbers]
            telemetry = batch(*readings, boot_id=boot_id)
            batches.append(
                Batch(device_id=device.pk, tenant_id=device.tenant_id, telemetry=telemetry)
            )
            before = len(law)
            law |= {(device.pk, boot_id, seq) for seq in numbers}
            expected.append(len(law) - before)
        answers = ingestion.ingest_batches(batches=batches, now=NOW)
        assert [answer.stored for answer in answers] == expected
    found = [(row.device_id, row.boot_id, row.seq) for row in stored()]
    assert sorted(found) == sorted(law)


@pytest.fixture
def two_boards() -> list[Any]:
    """Two paired devices."""
    tenant = household()
    return [board("board-1", tenant=tenant), board("board-2", tenant=tenant)]


def _ingest(device: Any, *numbers: int, boot_id: str = "boot-1") -> Acknowledgement:
    telemetry = batch(*(reading(seq, at=NOW) for seq in numbers), boot_id=boot_id)
    return ingestion.ingest_readings(
        device_id=device.pk, tenant_id=device.tenant_id, telemetry=telemetry, now=NOW
    )


def test_many_at_once_with_the_same_numbers_store_each_once(two_boards: list[Any]) -> None:
    """Without the devices' locks, which every caller of the product holds."""
    _ingest(two_boards[0], 1)

    def speak(turn: int) -> Acknowledgement:
        numbers = [*range(turn, BLOCK + 20, 7), *range(30)]
        return _ingest(two_boards[turn % 2], *numbers, boot_id="boot-1" if turn % 3 else "boot-2")

    answers = run_at_once(12, speak)
    assert all(isinstance(answer, Acknowledgement) for answer in answers), answers
    found = [(row.device_id, row.boot_id, row.seq) for row in stored()]
    assert len(found) == len(set(found))
    wanted = {(two_boards[0].pk, "boot-1", 1)} | {
        (two_boards[turn % 2].pk, "boot-1" if turn % 3 else "boot-2", seq)
        for turn in range(12)
        for seq in [*range(turn, BLOCK + 20, 7), *range(30)]
    }
    assert set(found) == wanted
    assert sum(answer.stored for answer in answers) == len(found) - 1  # type: ignore[union-attr]


def test_a_device_with_nothing_but_gaps_loses_nothing(two_boards: list[Any]) -> None:
    device = two_boards[0]
    even = range(0, 4 * BLOCK, 2)
    assert _ingest(device, *even).stored == len(even)
    assert _ingest(device, *reversed(even)).stored == 0
    assert _ingest(device, *range(4 * BLOCK)).stored == len(even)
    assert windows().count() == 4
    assert {len(bytes(row.seen)) for row in windows()} == {BLOCK // 8}


def test_a_flush_that_fails_leaves_its_numbers_free(
    two_boards: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("telemetry.storage.advance_latest", fail)
        with pytest.raises(OSError, match="full"):
            _ingest(two_boards[0], 1, 2)
    assert _ingest(two_boards[0], 1, 2).stored == 2


def test_what_can_only_come_once_has_no_window(two_boards: list[Any]) -> None:
    assert _ingest(two_boards[0], 0, 1, boot_id=f"{SENT_ONCE}0123").stored == 2
    assert not windows().exists()


def test_windows_outlive_the_readings_they_stand_for(two_boards: list[Any]) -> None:
    device = two_boards[0]
    _ingest(device, 1, *(block * BLOCK for block in range(1, 30)))
    later = NOW + kept_raw() + timedelta(days=1)
    assert retention.forget_silent_windows(later) == 0, "the reading is still there"
    rolling.roll_up(later)
    assert retention.forget_old(later) >= 1
    assert retention.forget_silent_windows(later - timedelta(minutes=1)) == 0
    assert _ingest(device, 1).stored == 0
    assert retention.forget_silent_windows(later + timedelta(minutes=1), chunk=9) == 30
    assert not windows().exists()


def test_an_erased_device_leaves_no_names_of_its_boots(two_boards: list[Any]) -> None:
    for device in two_boards:
        _ingest(device, 1, 2, boot_id="my-name")
    erased = two_boards[0]
    assert erasing.erase(erased.pk, NOW) == {"windows_forgotten": 1}
    assert erasing.erase(erased.pk, NOW) == {"boot_ids_replaced": 2}
    assert erasing.erase(erased.pk, NOW) == {}
    assert {row.device_id for row in windows()} == {two_boards[1].pk}


@pytest.mark.production_only
def test_who_opens_a_window_second_finds_it_taken(
    two_boards: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw that there was none; the first commits between the other's look and its insert."""
    look, device = window_statements._locked, two_boards[0]
    looks: list[int] = []

    def look_too_early(keys: Any) -> Any:
        found = look(keys)
        if not looks:
            looks.append(1)
            (answer,) = run_at_once(1, lambda _: _ingest(device, 1, 2))
            assert isinstance(answer, Acknowledgement), answer
        return found

    monkeypatch.setattr(window_statements, "_locked", look_too_early)
    assert _ingest(device, 2, 3, BLOCK).stored == 2
    assert [row.seq for row in stored()] == [1, 2, 3, BLOCK]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM telemetry_readingwindow")
        assert cursor.fetchone() == (2,)
