"""How often a serving process looks for garbage that only a search can find.

Nearly everything is freed by counting references; the search is for cycles. By default Python
searches after every 700 objects and, as work waits, through all of it again and again: of a
process that takes in readings that was over half of its processor time (docs/benchmarks.md).
"""

from __future__ import annotations

import gc
from typing import Final

# Of 50,000 young objects a search takes a few milliseconds; as garbage they are a few MB.
_YOUNG_OBJECTS: Final = 50_000
_SEARCHES_BEFORE_OLDER: Final = 10


def search_seldom() -> None:
    """Leave what the start made out of every search, and search for the rest less often.

    For processes that serve, once, when they have loaded what they need.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, _SEARCHES_BEFORE_OLDER, _SEARCHES_BEFORE_OLDER)
