"""Pictures of the user guide, made on the way. `make guide` puts them where the guide shows them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from playwright.sync_api import FloatRect, Locator, Page

from tests.services import ROOT

GUIDE: Final = ROOT / "docs" / "guide"
IMAGES: Final = GUIDE / "images"
_ARTEFACTS: Final = ROOT / ".build" / "screenshots" / "guide"
_AIR: Final = 16


def picture(page: Page, name: str, *, of: Locator | None = None, height: int = 0) -> None:
    """Take what the window shows, or a part of it with some air around."""
    clip = None if of is None else _around(page, of)
    if height:
        size = page.viewport_size
        assert size is not None
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height}
    for folder in _folders():
        folder.mkdir(parents=True, exist_ok=True)
        # The pointer and a half-drawn toast say nothing.
        page.screenshot(path=str(folder / f"{name}.png"), clip=clip, animations="disabled")


def _folders() -> list[Path]:
    is_guide = os.environ.get("HOMEPOT_TEST_GUIDE") == "1"
    return [_ARTEFACTS, IMAGES] if is_guide else [_ARTEFACTS]


def _around(page: Page, part: Locator) -> FloatRect:
    part.scroll_into_view_if_needed()
    box, size = part.bounding_box(), page.viewport_size
    assert box is not None
    assert size is not None
    left, top = max(box["x"] - _AIR, 0), max(box["y"] - _AIR, 0)
    right = min(box["x"] + box["width"] + _AIR, size["width"])
    bottom = min(box["y"] + box["height"] + _AIR, size["height"])
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}
