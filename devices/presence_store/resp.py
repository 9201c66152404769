"""Redis commands as bytes, for thousands of devices at once.

redis-py spends five times longer on packing a ZADD of 1,000 members than Redis on running it
(benchmarks/presence_store.py); here a member costs one formatting and one join.
"""

from __future__ import annotations

from collections.abc import Sequence


def packed(*words: bytes) -> bytes:
    """One command."""
    return b"*%d\r\n%b" % (len(words), b"".join(map(_word, words)))


def zadd_newest(key: bytes, members: Sequence[int], score: float) -> bytes:
    """ZADD that gives all these members one score, where that is more than they have."""
    start = _start(4 + 2 * len(members) - 1, b"ZADD", key, b"GT")
    each = _word(b"%.3f" % score)
    return start + each + each.join([_number(member) for member in members])


def zmscore(key: bytes, members: Sequence[int]) -> bytes:
    """ZMSCORE of these members."""
    start = _start(2 + len(members), b"ZMSCORE", key)
    return start + b"".join([_number(member) for member in members])


def _start(length: int, *words: bytes) -> bytes:
    return b"*%d\r\n%b" % (length, b"".join(map(_word, words)))


def _word(word: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(word), word)


def _number(number: int) -> bytes:
    text = b"%d" % number
    return b"$%d\r\n%b\r\n" % (len(text), text)
