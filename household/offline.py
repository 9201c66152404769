"""What the app keeps on the phone: its manifest, and the files its offline page needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.staticfiles import finders

from household import stylesheets

Address = Callable[[str], str]
OFFLINE_PAGE: Final = "/app/offline"
# Pages, answers of the API and the administration are never kept: they would pretend to be true.
FILES: Final = (
    "homepot/js/theme-boot.js",
    "household/js/offline.js",
    "household/js/last-known.js",
    "homepot/icons.svg",
    "homepot/favicon.svg",
    "household/icons/icon-192.png",
)
_BACKGROUND: Final = "#f6f7f9"


def manifest(address: Address) -> dict[str, Any]:
    """The web app manifest; `address` finds where a static file is served."""
    return {
        "id": "/app",
        "name": "Homepot",
        "short_name": "Homepot",
        "description": "Your devices: switch them, see how they are, hear when one is gone.",
        "lang": "en",
        "dir": "ltr",
        "start_url": "/app",
        "scope": "/",
        "display": "standalone",
        "background_color": _BACKGROUND,
        "theme_color": _BACKGROUND,
        "categories": ["lifestyle", "utilities"],
        "icons": [
            _icon(address, "icon-192.png", "192x192", "any"),
            _icon(address, "icon-512.png", "512x512", "any"),
            _icon(address, "maskable-192.png", "192x192", "maskable"),
            _icon(address, "maskable-512.png", "512x512", "maskable"),
            {
                "src": address("homepot/favicon.svg"),
                "sizes": "any",
                "type": "image/svg+xml",
                "purpose": "any",
            },
        ],
        "shortcuts": [
            {"name": "Add a device", "url": "/app/add"},
            {"name": "Activity", "url": "/app/activity"},
        ],
    }


def worker(address: Address) -> str:
    """The service worker: what it keeps, under which version, and the script that does it."""
    addresses = tuple(address(name) for name in (*stylesheets.linked(), *FILES))
    kept = {
        "version": shell_version(addresses),
        "offline": OFFLINE_PAGE,
        "files": list(addresses),
    }
    script = json.dumps(address("household/js/worker.js"))
    return f"self.SHELL = {json.dumps(kept)};\nimportScripts({script});\n"


@lru_cache(maxsize=4)
def shell_version(addresses: tuple[str, ...]) -> str:
    """One word that changes whenever a file of the shell does."""
    digest = hashlib.sha256(f"{settings.HOMEPOT_VERSION}{addresses}".encode())
    for name in (*stylesheets.HOUSEHOLD, *FILES):
        found = finders.find(name)
        # Where files are served under the hash of their content, the address says it already.
        if isinstance(found, str):
            digest.update(Path(found).read_bytes())
    return digest.hexdigest()[:16]


def _icon(address: Address, name: str, sizes: str, purpose: str) -> dict[str, str]:
    source = address(f"household/icons/{name}")
    return {"src": source, "sizes": sizes, "type": "image/png", "purpose": purpose}
