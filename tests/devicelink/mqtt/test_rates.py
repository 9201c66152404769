"""How much of one device is taken in over MQTT."""

from __future__ import annotations

import logging

import pytest

from devicelink.mqtt.rates import Allowance, Rates


class Clock:
    """Stands still until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_device_has_its_own_and_gets_it_anew() -> None:
    clock = Clock()
    rates = Rates(Allowance(messages=2, size=1_000, within_s=10), clock=clock)
    assert [rates.take("loud", 1) for _ in range(4)] == [True, True, False, False]
    assert rates.take("quiet", 1)
    clock.now += 9.9
    assert not rates.take("loud", 1)
    clock.now += 0.2
    assert rates.take("loud", 1)


def test_bytes_count_too_but_one_message_alone_is_never_too_large() -> None:
    rates = Rates(Allowance(messages=9, size=100, within_s=10), clock=Clock())
    assert [rates.take("device", size) for size in (60, 60, 40, 1)] == [True, False, True, False]
    assert rates.take("other", 5_000)


def test_who_sends_too_much_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    rates = Rates(Allowance(messages=1, size=100, within_s=10), clock=Clock())
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            rates.take("loud", 1)
    assert len(caplog.records) == 1
