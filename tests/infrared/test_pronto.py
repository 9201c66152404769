"""Pronto hex and timings, and what is lost on the way between them: nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocol import limits
from infrared import pronto
from infrared.pronto import TICK_US, NotExpressible, NotPronto, Signal

# A Sony television's power button, as it stands in many lists of codes.
SONY = (
    "0000 0067 0000 000D 0060 0018 0030 0018 0018 0018 0030 0018 0018 0018 0030 0018 0018 0018 "
    "0018 0018 0030 0018 0018 0018 0018 0018 0018 0018 0018 041C"
)


@st.composite
def words(draw: st.DrawFn) -> str:
    """Any signal in Pronto hex that can be read."""
    carrier = draw(st.integers(5, 414))
    longest = min(0xFFFF, int(limits.MAX_IR_TIMING_US / (carrier * TICK_US)))
    bursts = draw(st.lists(st.integers(1, longest), min_size=2, max_size=80))
    pairs = len(bursts) // 2
    once = draw(st.integers(0, pairs))
    head = (0, carrier, once, pairs - once)
    return " ".join(f"{word:04X}" for word in (*head, *bursts[: 2 * pairs]))


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    """Any signal that Pronto has words for, in pairs."""
    frequency_hz = draw(st.integers(limits.MIN_IR_FREQUENCY_HZ, 800_000))
    period = 1_000_000 / frequency_hz
    shortest, longest = int(2 * period) + 1, min(limits.MAX_IR_TIMING_US, int(60_000 * period))
    timings = draw(st.lists(st.integers(shortest, longest), min_size=2, max_size=80))
    pairs = len(timings) // 2
    starts = st.integers(0, pairs - 1).map(lambda pair: 2 * pair)
    return Signal(
        frequency_hz=frequency_hz,
        timings=tuple(timings[: 2 * pairs]),
        repeat_from=draw(st.none() | starts),
    )


@given(words())
def test_words_that_are_read_are_written_as_the_same_words(text: str) -> None:
    assert pronto.to_pronto(pronto.from_pronto(text)) == text


@given(signals())
def test_timings_that_are_written_and_read_are_the_same_to_half_a_period(signal: Signal) -> None:
    text = pronto.to_pronto(signal)
    back = pronto.from_pronto(text)
    period = int(text.split()[1], 16) * TICK_US
    assert back.repeat_from == signal.repeat_from
    assert len(back.timings) == len(signal.timings)
    for before, after in zip(signal.timings, back.timings, strict=True):
        assert abs(after - before) <= period / 2 + 0.5


@pytest.mark.parametrize("frequency_hz", [10_000, 38_000, 57_600, 455_000])
def test_the_longest_timings_come_back_too(frequency_hz: int) -> None:
    longest = min(limits.MAX_IR_TIMING_US, int(0xF000 * 1_000_000 / frequency_hz))
    for length in range(longest - 300, longest + 1):
        text = pronto.to_pronto(Signal(frequency_hz=frequency_hz, timings=(length, length)))
        period = int(text.split()[1], 16) * TICK_US
        assert abs(pronto.from_pronto(text).timings[0] - length) <= period / 2 + 0.5


@given(signals())
def test_the_carrier_is_the_nearest_that_pronto_has(signal: Signal) -> None:
    word = int(pronto.to_pronto(signal).split()[1], 16)
    wanted = 1_000_000 / signal.frequency_hz

    def off(other: int) -> float:
        return abs(wanted - other * TICK_US)

    assert 5 <= word <= 414
    assert off(word) <= off(max(word - 1, 5)) + 1e-9
    assert off(word) <= off(min(word + 1, 414)) + 1e-9


def test_every_carrier_of_pronto_is_one_frequency_and_back() -> None:
    for carrier in range(5, 415):
        signal = pronto.from_pronto(f"0000 {carrier:04X} 0001 0000 0002 0003")
        assert limits.MIN_IR_FREQUENCY_HZ <= signal.frequency_hz <= limits.MAX_IR_FREQUENCY_HZ
        assert pronto.to_pronto(signal).split()[1] == f"{carrier:04X}"


def test_a_known_code_has_its_known_timings() -> None:
    signal = pronto.from_pronto(SONY)
    assert signal.frequency_hz == 40_244
    assert signal.repeat_from == 0
    assert signal.timings[:4] == (2385, 596, 1193, 596)
    assert pronto.to_pronto(signal) == SONY
    assert pronto.to_pronto(pronto.from_pronto(SONY.lower().replace(" ", "\n "))) == SONY


@pytest.mark.parametrize(
    ("text", "told", "word"),
    [
        ("", "no words", None),
        ("0000 006D", "Four words", None),
        ("0000 006D 0001 0000 0010 00", "four hexadecimal digits", 5),
        ("0000 006D 0001 0000 0010 0x10", "four hexadecimal digits", 5),
        ("0100 006D 0001 0000 0010 0010", "without a carrier", 0),
        ("5000 0000 0000 0001 0010 0010", "RC-5", 0),
        ("1234 006D 0001 0000 0010 0010", "Only 0000", 0),
        ("0000 0000 0001 0000 0010 0010", "carrier", 1),
        ("0000 0004 0001 0000 0010 0010", "carrier", 1),
        ("0000 019F 0001 0000 0010 0010", "carrier", 1),
        ("0000 006D 0000 0000", "both lengths", 2),
        ("0000 006D 0002 0000 0010 0010", "call for 4 words", None),
        ("0000 006D 0001 0000 0010 0010 0010", "call for 2 words", None),
        ("0000 006D 0001 0000 0000 0010", "burst", 4),
        ("0000 019E 0001 0000 0010 FFFF", "burst", 5),
        ("0000 006D 0401 0000" + " 0010" * 2050, "At most 2048", None),
        ("0000 " * 100_000, "At most 2048", None),
    ],
)
def test_what_is_no_signal_is_refused_with_its_word(text: str, told: str, word: int | None) -> None:
    with pytest.raises(NotPronto, match=told) as refusal:
        pronto.from_pronto(text)
    assert refusal.value.word == word


@given(st.text(alphabet="0123456789ABCDEFabcdef g\n", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        signal = pronto.from_pronto(text)
    except NotPronto:
        return
    assert pronto.to_pronto(signal).split() == text.upper().split()


@pytest.mark.parametrize(
    ("signal", "index"),
    [
        (Signal(frequency_hz=950_000, timings=(100, 100)), None),
        (Signal(frequency_hz=38_000, timings=(600, 12)), 1),
        (Signal(frequency_hz=800_000, timings=(100_000, 600)), 0),
    ],
)
def test_what_pronto_has_no_words_for_is_said(signal: Signal, index: int | None) -> None:
    with pytest.raises(NotExpressible) as refusal:
        pronto.to_pronto(signal)
    assert refusal.value.index == index


def test_a_signal_that_ends_with_a_mark_is_given_its_last_space() -> None:
    signal = Signal(frequency_hz=38_000, timings=(9_000, 4_500, 560))
    back = pronto.from_pronto(pronto.to_pronto(signal))
    assert [round(length, -2) for length in back.timings] == [9_000, 4_500, 600, 20_000]


@pytest.mark.parametrize(
    ("repeat_from", "times", "expected"),
    [
        (None, 3, ((1, 2, 3, 4), 3)),
        (0, 3, ((1, 2, 3, 4), 3)),
        (2, 1, ((1, 2), 1)),
        (2, 3, ((1, 2, 3, 4, 3, 4), 1)),
    ],
)
def test_a_held_button_sends_its_beginning_once(
    repeat_from: int | None, times: int, expected: Any
) -> None:
    signal = Signal(frequency_hz=38_000, timings=(1, 2, 3, 4), repeat_from=repeat_from)
    assert pronto.transmitted(signal, times) == expected


@pytest.mark.parametrize(
    ("frequency_hz", "timings", "pointers"),
    [
        (38_000, [1, 2_000_000], []),
        (38_000, [560, 560, 560], []),
        (9_999, [1, 1], ["/frequency_hz"]),
        (1_000_001, [1, 1], ["/frequency_hz"]),
        (True, [1, 1], ["/frequency_hz"]),
        (None, None, ["/frequency_hz", "/timings"]),
        (38_000, "12", ["/timings"]),
        (38_000, [560], ["/timings"]),
        (38_000, [560] * 2_049, ["/timings"]),
        (38_000, [560, 0, 1.5, True, 2_000_001], ["/timings/1", "/timings/2", "/timings/3",
                                                  "/timings/4"]),
    ],
)  # fmt: skip
def test_wrong_timings_are_pointed_at(frequency_hz: Any, timings: Any, pointers: list[str]) -> None:
    assert list(pronto.problems_with(frequency_hz, timings)) == pointers


@pytest.mark.parametrize(
    ("repeat_from", "length", "is_good"),
    [
        (None, 3, True),
        (0, 4, True),
        (2, 4, True),
        (4, 4, False),
        (-2, 4, False),
        (1, 4, False),
        (0, 3, False),
        (True, 4, False),
    ],
)
def test_the_repeated_part_is_made_of_pairs(repeat_from: Any, length: int, is_good: bool) -> None:
    assert (pronto.problem_with_repeat(repeat_from, length) == {}) is is_good
