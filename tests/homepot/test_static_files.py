"""Static files: versioned, compressed, kept for a year, and nothing else within reach."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from homepot import static_files
from homepot.compression import PageCompressionMiddleware
from homepot.settings.base import VERSIONED_STORAGES
from ops import modules, stylesheets

YEAR = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def served() -> Any:
    """The middleware before an application that knows no address."""
    return static_files.StaticFilesMiddleware(lambda request: HttpResponse(status=404))


def _get(served: Any, path: str, **headers: str) -> Any:
    return served(RequestFactory().get(path, headers=headers))


def _at(name: str, version: str = "") -> str:
    return f"/static/v-{version or static_files.version()}/{name}"


def _body(answer: Any) -> bytes:
    whole: bytes = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return whole


def test_a_file_is_compressed_and_kept_for_a_year(served: Any) -> None:
    plain = _get(served, _at("homepot/js/shell.js"))
    small = _get(served, _at("homepot/js/shell.js"), Accept_Encoding="gzip, br")

    assert plain["Cache-Control"] == small["Cache-Control"] == YEAR
    assert small["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain
    assert small["Vary"] == plain["Vary"] == "Accept-Encoding"
    assert gzip.decompress(small.content) == plain.content
    assert plain["Content-Type"].startswith("text/javascript")


def test_a_page_of_another_version_gets_what_is_there_and_keeps_it_briefly(served: Any) -> None:
    answer = _get(served, _at("homepot/js/shell.js", "0" * 12))

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize(
    "name",
    [
        "homepot/js/../../../manage.py",
        "../homepot/settings/base.py",
        "homepot/js/nothing.js",
        "bundles/nothing.css",
        "homepot/js/",
        "",
        "\n",
    ],
)
def test_nothing_but_static_files_is_served(served: Any, name: str) -> None:
    assert _get(served, _at(name)).status_code == 404


def test_an_image_is_served_as_it_is(served: Any) -> None:
    answer = _get(served, _at("homepot/favicon.svg"), Accept_Encoding="identity")

    assert answer["Content-Type"] == "image/svg+xml"
    assert _body(answer).startswith(b"<svg")


@pytest.mark.parametrize("name", sorted(static_files.BUNDLES))
def test_a_bundle_holds_every_rule_of_its_parts_in_their_order(served: Any, name: str) -> None:
    sheet = _get(served, _at(name)).content.decode()

    assert "/*" not in sheet and "\n" not in sheet
    assert sheet.startswith("@layer tokens,base,components,pages;")
    parts = [static_files.minified([_source(part)]) for part in static_files.BUNDLES[name]]
    assert sheet == "".join(parts)


def _source(name: str) -> str:
    path = finders.find(name)
    assert isinstance(path, str), name
    return Path(path).read_text()


def test_every_address_carries_the_version() -> None:
    with override_settings(STORAGES=VERSIONED_STORAGES):
        storage = static_files.VersionedStorage()
        assert storage.url("homepot/icons.svg") == _at("homepot/icons.svg")


def test_a_module_names_all_it_brings_along() -> None:
    found = modules.brought_along("homepot/js/shell.js")

    assert {"homepot/js/live.js", "homepot/js/session.js", "homepot/js/api.js"} <= set(found)
    assert "homepot/js/palette.js" not in found  # fetched when somebody wants it
    assert "homepot/js/shell.js" not in found
    for name in found:
        assert set(modules.imports_of(name)) <= {*found, "homepot/js/shell.js"}


def test_pages_are_compressed_and_answers_to_machines_are_not() -> None:
    def answered(content_type: str) -> HttpResponse:
        made = HttpResponse("x" * 2000, content_type=content_type)
        request = RequestFactory().get("/", headers={"Accept-Encoding": "gzip"})
        shown: HttpResponse = PageCompressionMiddleware(lambda _: made)(request)
        return shown

    assert answered("text/html; charset=utf-8")["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in answered("application/json")


def test_the_parts_of_the_console_are_named_once() -> None:
    assert len(set(stylesheets.CONSOLE)) == len(stylesheets.CONSOLE)
