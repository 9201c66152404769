"""Static files under an address that changes with their content, so that browsers keep them.

`/static/v-<version>/homepot/js/shell.js`: the version stands before the path, so modules that
import each other by relative paths stay in it as they are, and nothing has to be rewritten. Each
face has one style sheet, put together from its parts when it is first asked for.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]

from household.stylesheets import HOUSEHOLD
from ops.stylesheets import CONSOLE

BUNDLES: Final = {
    "bundles/console.css": tuple(f"homepot/css/{name}.css" for name in CONSOLE),
    "bundles/household.css": HOUSEHOLD,
}
_VERSIONED: Final = re.compile(r"v-([0-9a-f]{12})/(.+)", re.DOTALL)
_TEXT: Final = re.compile(r"text/|application/(json|javascript|manifest\+json)|image/svg\+xml")
_YEAR: Final = "public, max-age=31536000, immutable"
# A page of another version, or a process of one, gets what is there; it is not to be kept.
_BRIEFLY: Final = "public, max-age=60"
_HELD_BYTES: Final = 1024 * 1024
# What the finders found, by prefix: a process looks once, however many handlers it makes.
_found: Final[dict[str, dict[str, Any]]] = {}


@lru_cache(maxsize=1)
def version() -> str:
    """One word that changes whenever a static file of ours, or of what we bring along, does."""
    digest = hashlib.sha256(settings.HOMEPOT_VERSION.encode())
    digest.update((settings.BASE_DIR / "requirements.txt").read_bytes())
    source = settings.BASE_DIR / "static"
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        digest.update(f"\0{path.relative_to(source)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


class VersionedStorage(StaticFilesStorage):
    """Files where they are, under addresses that carry the version of all of them."""

    def url(self, name: str | None) -> str:
        """The address of a file, for as long as no file changes."""
        return super().url(f"v-{version()}/{name}")


@dataclass(frozen=True, slots=True)
class _Held:
    """A file in memory, as it is and compressed."""

    content_type: str
    plain: bytes = field(repr=False)
    gzipped: bytes | None = field(repr=False)


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # untyped
    """Serves what has a version from memory, compressed, to be kept for a year."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        super().__init__(get_response)
        self._held: dict[str, _Held] = {}

    def add_files_from_finders(self) -> None:
        """Know every file of the apps and of ours."""
        if self.static_prefix not in _found:
            super().add_files_from_finders()
            _found[self.static_prefix] = dict(self.files)
        self.files.update(_found[self.static_prefix])

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer for a static file; anything else is passed on."""
        path = request.path_info
        if not path.startswith(self.static_prefix):
            return self.get_response(request)  # type: ignore[no-any-return]
        found = _VERSIONED.fullmatch(path[len(self.static_prefix) :])
        if found is None:
            return super().__call__(request)  # type: ignore[no-any-return]
        is_current, name = found[1] == version(), found[2]
        held = self._held_file(name) if request.method in {"GET", "HEAD"} else None
        if held is None:
            request.path_info = f"{self.static_prefix}{name}"
            answer: HttpResponseBase = super().__call__(request)
        else:
            answer = _answer(
                held, accepts_gzip="gzip" in request.headers.get("Accept-Encoding", "")
            )
        if answer.status_code in {200, 304}:
            answer["Cache-Control"] = _YEAR if is_current else _BRIEFLY
        return answer

    def _held_file(self, name: str) -> _Held | None:
        """The file from memory; None for what is not there, and for what is too large for that."""
        if name not in self._held:
            read = self._read(name)
            if read is None:
                return None
            content_type, plain = read
            gzipped = gzip.compress(plain, 9, mtime=0) if _TEXT.match(content_type) else None
            self._held[name] = _Held(content_type, plain, gzipped)
        return self._held[name]

    def _read(self, name: str) -> tuple[str, bytes] | None:
        if name in BUNDLES:
            parts = [self._path(part) for part in BUNDLES[name]]
            sheet = minified(path.read_text() for path in parts if path is not None)
            return "text/css; charset=utf-8", sheet.encode()
        path = self._path(name)
        if path is None or path.stat().st_size > _HELD_BYTES:
            return None
        content_type: str = self.media_types.get_type(name)
        is_text = content_type.startswith("text/")
        return f"{content_type}; charset=utf-8" if is_text else content_type, path.read_bytes()

    def _path(self, name: str) -> Path | None:
        known: Any = self.files.get(f"{self.static_prefix}{name}")
        # The last of the alternatives is the file as it is.
        return None if known is None else Path(known.alternatives[-1][1])


def minified(sheets: Iterable[str]) -> str:
    """The style sheets as one, without comments and the space that only people need."""
    text = re.sub(r"/\*.*?\*/", "", "\n".join(sheets), flags=re.DOTALL)
    return re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"\s+", " ", text)).strip()


def _answer(held: _Held, *, accepts_gzip: bool) -> HttpResponse:
    is_smaller = accepts_gzip and held.gzipped is not None
    answer = HttpResponse(held.gzipped if is_smaller else held.plain, held.content_type)
    if held.gzipped is not None:
        patch_vary_headers(answer, ["Accept-Encoding"])
    if is_smaller:
        answer["Content-Encoding"] = "gzip"
    answer["Access-Control-Allow-Origin"] = "*"
    return answer
