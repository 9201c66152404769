"""What two sides that hold the same readings agree on, without holding them side by side."""

import zlib
from collections.abc import Mapping


def digest(seq: int, metrics: Mapping[str, float]) -> int:
    """Return a number for the content of one reading; the sum of them stands for a set.

    The order of the metrics, and whether 2.0 is written 2, make no difference.
    """
    named = ",".join(f"{name}={float(metrics[name])!r}" for name in sorted(metrics))
    return zlib.crc32(f"{seq}:{named}".encode())


class Spans:
    """A set of whole numbers that mostly follow each other, as `[first, last]` pairs."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[list[int]] | None = None) -> None:
        self.pairs = pairs if pairs is not None else []

    def add(self, first: int, last: int) -> None:
        """Add all numbers from first to last."""
        if self.pairs and self.pairs[-1][0] <= first <= self.pairs[-1][1] + 1:
            self.pairs[-1][1] = max(self.pairs[-1][1], last)
            return
        self.pairs.append([first, last])
        self._tidy()

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.pairs)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.pairs)

    def _tidy(self) -> None:
        tidy: list[list[int]] = []
        for first, last in sorted(self.pairs):
            if tidy and first <= tidy[-1][1] + 1:
                tidy[-1][1] = max(tidy[-1][1], last)
            else:
                tidy.append([first, last])
        self.pairs[:] = tidy
