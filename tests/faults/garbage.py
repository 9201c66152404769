"""Seeded nonsense: valid documents with a part gone wrong, and bytes that are nothing at all."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

_HOLE = "\u2603HOLE"
NASTY = [
    "null", "true", "[]", "{}", "-1", "0", "0.5", "1e999", "-1e999", "NaN", "Infinity", "1E5",
    str(2**63), str(2**64), "9" * 400, '""', '" "', '"\\u0000"', '"\\ud800"', '"\\udc00x"',
    '"\\uffff"', '"' + "x" * 300 + '"', '"' + "ä" * 3000 + '"', '"1970-01-01T00:00:00Z"',
    '"9999-12-31T23:59:60+99:99"', "[" * 40 + "]" * 40, '{"a":' * 30 + "1" + "}" * 30,
    "[[[]]]", "[null]", '{"":""}', '{"a":1,"a":2}', "\u00a0", "'x'", "tru", '"\x01"', "01", "+1",
]  # fmt: skip


def spoiled(documents: list[dict[str, Any]], count: int, *, seed: int) -> Iterator[bytes]:
    """`count` variants of the documents, most of them unusable; the same for the same seed."""
    dice = random.Random(seed)
    for _ in range(count):
        yield _spoil(dice, dice.choice(documents))


def _spoil(dice: random.Random, document: dict[str, Any]) -> bytes:
    kind = dice.random()
    if kind < 0.55:
        return _with_nasty_value(dice, document)
    raw = bytearray(json.dumps(document).encode())
    if kind < 0.7:
        return bytes(raw[: dice.randrange(len(raw))])
    if kind < 0.85:
        for _ in range(dice.randint(1, 6)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        return bytes(raw)
    if kind < 0.93:
        place = dice.randrange(len(raw))
        return bytes(raw[:place]) + dice.randbytes(dice.randint(1, 20)) + bytes(raw[place:])
    return dice.randbytes(dice.randint(0, 200))


def _with_nasty_value(dice: random.Random, document: dict[str, Any]) -> bytes:
    copy = json.loads(json.dumps(document))
    holder: Any = copy
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = dice.choice(keys)
        inner = holder[key]
        if isinstance(inner, dict | list) and inner and dice.random() < 0.7:
            holder = inner
            continue
        if isinstance(holder, dict) and dice.random() < 0.15:
            del holder[key]
            return json.dumps(copy).encode()
        holder[key] = _HOLE
        text = json.dumps(copy, ensure_ascii=False)
        return text.replace(f'"{_HOLE}"', dice.choice(NASTY)).encode()
