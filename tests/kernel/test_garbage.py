"""Processes that serve search for garbage seldom, but they do."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from kernel import garbage


class Loop:
    """Frees itself only when somebody searches."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def _as_it_was() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


@pytest.mark.usefixtures("_as_it_was")
def test_what_the_start_made_is_searched_no_more_and_new_garbage_is_still_found() -> None:
    garbage.search_seldom()
    assert gc.get_freeze_count() > 0
    gone = weakref.ref(Loop())
    assert gone() is not None
    kept = [[Loop()] for _ in range(1_000)]
    assert gone() is not None
    kept += [[Loop()] for _ in range(100_000)]
    assert gone() is None
    assert kept[0][0].itself is kept[0][0]
