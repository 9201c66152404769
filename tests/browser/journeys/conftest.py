"""What every journey begins with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.journeys.boards import Board
from tests.browser.journeys.people import Windows
from tests.browser.showroom import Visitor


@pytest.fixture
def windows(browser: Browser) -> Iterator[Windows]:
    """Windows that close with the journey; it fails when something went wrong in one."""
    expect.set_options(timeout=15_000)
    opened = Windows(browser)
    yield opened
    opened.close()


@pytest.fixture
def board(room: Visitor, tmp_path: Path) -> Iterator[Board]:
    """A real board that nobody has claimed yet."""
    started = Board(room, tmp_path)
    yield started
    started.kill()
