"""Where one stands among the kept versions of a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Rail:
    """The version that is looked at, both ends, and the next ones in both directions."""

    oldest: int
    present: int
    here: int
    older: int | None
    newer: int | None

    @property
    def is_long(self) -> bool:
        """Whether there is anything to travel between."""
        return self.present > self.oldest


def rail_of(found: Any, *, here: int, present: int, begins_at_nothing: bool) -> Rail:
    """The rail of these revisions; a document may begin as nothing, which is version 0."""
    kept = found.order_by("version").values_list("version", flat=True)
    first = kept.first()
    older = kept.filter(version__lt=here).order_by("-version").first()
    is_whole = begins_at_nothing and first == 1
    if older is None and is_whole and here > 0:
        older = 0
    oldest = 0 if is_whole else present if first is None else int(first)
    return Rail(
        oldest=oldest,
        present=present,
        here=here,
        older=older,
        newer=kept.filter(version__gt=here).first(),
    )
