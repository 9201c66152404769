"""Versions of firmware: which of two is newer."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.firmware_versions import MAX_ORDER_CHARS, order_key
from devices.models import Device
from devices.services.firmware import note_firmware
from kernel.actors import Actor
from tests.factories.devices import make_device

# SemVer 2.0, section 11, and around it.
ASCENDING = (
    "0.9.9", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
    "1.0.0-alpha-2", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0",
    "1.0.0.1", "1.0.1", "1.2", "1.10", "2", "10.0", "2024.5.1", "100000000000000000000.1",
)  # fmt: skip


def test_keys_sort_as_versions_do() -> None:
    keys = [order_key(version).encode() for version in ASCENDING]

    assert all(one < other for one, other in combinations(keys, 2))


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "1.0.0.0", "01.0", "1.0.0+b.7", " 1.0 "])
def test_ways_to_write_the_same_version(version: str) -> None:
    assert order_key(version) == order_key("1.0.0")


@pytest.mark.parametrize(
    "version", ["", "nightly", "1.", "1.0-", "1..2", "1.2.3.4.5", "1.0-a..b", "1.0 beta", "١.٠"]
)
def test_texts_that_are_no_versions(version: str) -> None:
    assert order_key(version) == ""


@given(st.lists(st.integers(0, 10**18), min_size=1, max_size=4).map(tuple))
def test_numbers_are_compared_as_numbers(numbers: tuple[int, ...]) -> None:
    key = order_key(".".join(map(str, numbers)))
    newer = order_key(".".join(map(str, (*numbers[:-1], numbers[-1] + 1))))

    assert key < newer or len(".".join(map(str, numbers))) > 63
    assert order_key(".".join(map(str, numbers)) + "-rc") < key or not key


def test_no_key_is_too_long_for_its_column() -> None:
    longest = "1-" + ".".join("1" * 31)

    assert len(longest) <= 64
    assert 0 < len(order_key(longest)) <= MAX_ORDER_CHARS
    assert all(len(order_key(one)) <= MAX_ORDER_CHARS for one, _ in pairwise(ASCENDING))


@pytest.mark.core
@pytest.mark.django_db
def test_the_order_follows_what_a_device_says_it_runs(owner: Actor) -> None:
    board = make_device(owner)
    devices = Device.objects.unscoped("tests look at everything")
    first = devices.get(uid=board.uid)
    assert first.firmware_order == order_key(first.firmware_version)

    assert note_firmware(device_id=first.pk, firmware_version="2.10.0-rc.1")
    assert devices.get(pk=first.pk).firmware_order == order_key("2.10-rc.1")
    assert note_firmware(device_id=first.pk, firmware_version="nightly")
    assert devices.get(pk=first.pk).firmware_order == ""
