"""The user guide shows what the journeys see: every picture is made, shown, described and light."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.browser.journeys.camera import GUIDE, IMAGES

_TAKEN: Final = re.compile(r'\bpicture\(\s*\w+,\s*"([a-z0-9-]+)"')
_SHOWN: Final = re.compile(r"!\[([^\]]+)\]\(images/([a-z0-9-]+)\.png\)")
_LINK: Final = re.compile(r"(?<!!)\[[^\]]+\]\((?!https?:)([^)#]+)")
_HEAVIEST: Final = 120 * 1024
_MOST: Final = 25

PAGES: Final = sorted(GUIDE.glob("*.md"))


def _taken() -> list[str]:
    journeys = Path(__file__).parent.glob("test_*.py")
    return [name for file in journeys for name in _TAKEN.findall(file.read_text(encoding="utf-8"))]


def _shown() -> list[str]:
    return [
        found[1] for page in PAGES for found in _SHOWN.findall(page.read_text(encoding="utf-8"))
    ]


def test_the_guide_shows_exactly_the_pictures_that_the_journeys_take() -> None:
    assert len(_taken()) == len(set(_taken())), "a picture is taken twice"
    assert set(_shown()) == set(_taken())
    assert {file.stem for file in IMAGES.glob("*")} == set(_taken()), "run `make guide`"
    assert len(_taken()) <= _MOST


def test_pictures_are_light_and_described() -> None:
    heavy = {file.name: file.stat().st_size for file in IMAGES.glob("*.png")}
    assert not {name: size for name, size in heavy.items() if size > _HEAVIEST}
    for page in PAGES:
        for words, name in _SHOWN.findall(page.read_text(encoding="utf-8")):
            assert len(words) > 20, f"{page.name}: say what {name} shows"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_the_guide_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
