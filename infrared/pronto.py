"""Pronto hex and timings: two ways to write an infrared signal down, and the way between them.

Both are turned into the other without loss. Words that were read are written again as the same
words. Timings that are written and read again differ by at most half a period of the carrier, for
Pronto counts in whole periods, and half a microsecond, for timings count in whole ones; the carrier
is the nearest that Pronto has a word for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from edge.protocol import limits

# The carrier's word counts the ticks of one period; a tick is 0.241246 microseconds.
TICK_US: Final = 0.241246
_TICKS_PER_SECOND: Final = 1_000_000 / TICK_US
# Carriers of 829,030 to 10,012 Hz: below a word of 5, whole microseconds could not tell one period
# from the next.
_MIN_CARRIER: Final = 5
_MAX_CARRIER: Final = 414
# What follows the last mark of a signal that ends with one: words come in pairs.
LEAD_OUT_US: Final = 20_000
_MAX_WORD: Final = 0xFFFF
_WORD: Final = re.compile(r"[0-9A-Fa-f]{4}")
_HEAD: Final = 4
_MAX_TEXT: Final = 5 * (limits.MAX_IR_TIMINGS + _HEAD) * 2
_OTHER_KINDS: Final = {
    "0100": "0100 is a signal without a carrier, and devices transmit with one.",
    "5000": "5000 is the code of a known protocol (RC-5), not a recorded signal.",
    "5001": "5001 is the code of a known protocol (RC-5x), not a recorded signal.",
    "6000": "6000 is the code of a known protocol (RC-6), not a recorded signal.",
    "7000": "7000 is an entry of a table of codes, not a recorded signal.",
    "8000": "8000 is an entry of a table of codes, not a recorded signal.",
    "9000": "9000 is the code of a known protocol (NEC), not a recorded signal.",
    "900A": "900A is the code of a known protocol (NEC), not a recorded signal.",
}


class NotPronto(ValueError):
    """This is no signal in Pronto hex; `word` is the number of the wrong word, None for all."""

    def __init__(self, message: str, word: int | None = None) -> None:
        self.word = word
        super().__init__(message if word is None else f"Word {word + 1}: {message}")


class NotExpressible(ValueError):
    """Pronto has no words for this signal; `index` is that of the timing, None for the carrier."""

    def __init__(self, message: str, index: int | None = None) -> None:
        self.index = index
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Signal:
    """A carrier, and marks and spaces in turn in microseconds, beginning with a mark.

    Those from `repeat_from` on are sent again and again while a button is held; None: none are.
    """

    frequency_hz: int
    timings: tuple[int, ...]
    repeat_from: int | None = None


def from_pronto(text: str) -> Signal:
    """The signal that the words tell. Raises NotPronto."""
    words = _words_of(text)
    frequency_word, once, again = words[1:_HEAD]
    _require_carrier(frequency_word)
    if once == again == 0:
        raise NotPronto("A signal of no bursts: both lengths are 0.", 2)
    if len(words) != _HEAD + 2 * (once + again):
        raise NotPronto(
            f"The lengths call for {2 * (once + again)} words of bursts, "
            f"there are {len(words) - _HEAD}."
        )
    if len(words) - _HEAD > limits.MAX_IR_TIMINGS:
        raise NotPronto(f"At most {limits.MAX_IR_TIMINGS} words of bursts.")
    period = frequency_word * TICK_US
    return Signal(
        frequency_hz=round(_TICKS_PER_SECOND / frequency_word),
        timings=tuple(
            _microseconds(count, period, _HEAD + index) for index, count in enumerate(words[_HEAD:])
        ),
        repeat_from=2 * once if again else None,
    )


def to_pronto(signal: Signal) -> str:
    """The words for a signal, in capitals with one blank between them. Raises NotExpressible."""
    frequency_word = min(round(_TICKS_PER_SECOND / signal.frequency_hz), _MAX_CARRIER)
    if frequency_word < _MIN_CARRIER:
        raise NotExpressible(f"Pronto has no words for a carrier of {signal.frequency_hz} Hz.")
    period = frequency_word * TICK_US
    timings = list(signal.timings)
    if len(timings) % 2:
        timings.append(LEAD_OUT_US)
    counts = [_periods(length, period, index) for index, length in enumerate(timings)]
    again = 0 if signal.repeat_from is None else len(timings) - signal.repeat_from
    head = [0, frequency_word, (len(timings) - again) // 2, again // 2]
    return " ".join(f"{word:04X}" for word in head + counts)


def problems_with(frequency_hz: Any, timings: Any) -> dict[str, list[str]]:
    """What is wrong with a signal that came as a carrier and timings, by JSON Pointer."""
    found: dict[str, list[str]] = {}
    lowest, highest = limits.MIN_IR_FREQUENCY_HZ, limits.MAX_IR_FREQUENCY_HZ
    if not _is_int(frequency_hz) or not lowest <= frequency_hz <= highest:
        found["/frequency_hz"] = [f"A carrier from {lowest} to {highest} Hz."]
    fewest, most = limits.MIN_IR_TIMINGS, limits.MAX_IR_TIMINGS
    if not isinstance(timings, Sequence) or isinstance(timings, str):
        found["/timings"] = ["A list of lengths in microseconds."]
    elif not fewest <= len(timings) <= most:
        found["/timings"] = [f"{fewest} to {most} lengths in microseconds."]
    else:
        longest = limits.MAX_IR_TIMING_US
        for index, length in enumerate(timings):
            if not _is_int(length) or not 1 <= length <= longest:
                found[f"/timings/{index}"] = [f"Whole microseconds from 1 to {longest}."]
    return found


def problem_with_repeat(repeat_from: Any, length: int) -> dict[str, list[str]]:
    """What is wrong with where the repeated part of so many timings begins; None: nothing is.

    Both parts are pairs of a mark and a space.
    """
    if repeat_from is None:
        return {}
    is_even = _is_int(repeat_from) and repeat_from % 2 == length % 2 == 0
    if not is_even or not 0 <= repeat_from < length:
        return {"/repeat_from": ["The even number of one of an even number of timings, or null."]}
    return {}


def transmitted(signal: Signal, times: int) -> tuple[tuple[int, ...], int]:
    """What a device is to send for so many presses: timings, and how often all of them.

    A signal with a beginning of its own and a part for a held button is written out: the
    beginning once, then the rest for each further time.
    """
    start = signal.repeat_from
    if start is None or start == 0:
        return signal.timings, times
    return signal.timings[:start] + signal.timings[start:] * (times - 1), 1


def _words_of(text: str) -> list[int]:
    if len(text) > _MAX_TEXT:
        raise NotPronto(f"At most {limits.MAX_IR_TIMINGS} words of bursts.")
    parts = text.split()
    for index, part in enumerate(parts):
        if not _WORD.fullmatch(part):
            raise NotPronto("Each word has four hexadecimal digits.", index)
    if not parts:
        raise NotPronto("There are no words.")
    kind = parts[0].upper()
    if kind != "0000":
        raise NotPronto(_OTHER_KINDS.get(kind, "Only 0000, a recorded signal, is read."), 0)
    if len(parts) < _HEAD:
        raise NotPronto("Four words come first: 0000, the carrier, and two lengths.")
    return [int(part, 16) for part in parts]


def _require_carrier(word: int) -> None:
    if not _MIN_CARRIER <= word <= _MAX_CARRIER:
        raise NotPronto("The carrier is to be from 10,012 to 829,030 Hz: 019E to 0005.", 1)


def _microseconds(count: int, period: float, word: int) -> int:
    length = round(count * period)
    if 0 < length - limits.MAX_IR_TIMING_US < period / 2:
        # The nearest count of periods to the longest timing is above it.
        length = limits.MAX_IR_TIMING_US
    if not 1 <= length <= limits.MAX_IR_TIMING_US:
        raise NotPronto(
            f"A burst is 1 to {limits.MAX_IR_TIMING_US} microseconds long, not {length}.", word
        )
    return length


def _periods(length: int, period: float, index: int) -> int:
    count = round(length / period)
    if not 1 <= count <= _MAX_WORD:
        raise NotExpressible(
            f"{length} microseconds are {count} periods of the carrier, not 1 to {_MAX_WORD}.",
            index,
        )
    return count


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
