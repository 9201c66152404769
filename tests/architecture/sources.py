"""The project's own source files, as the architecture tests see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = (
    "audit", "accounts", "devices", "commands", "notifications", "telemetry", "relays", "twins",
    "infrared", "groups", "fleet", "exports", "timeline", "devicelink", "ops", "household",
)  # fmt: skip
PACKAGES = ("homepot", "kernel", "edge", *APPS)
FOLDERS = (*PACKAGES, "tests", "benchmarks", "templates", "static", "scripts")
SKIPPED_FOLDERS = {"__pycache__", "migrations", "vendor", "vendored", "build", "node_modules"}


def files(*suffixes: str, folders: tuple[str, ...] = FOLDERS) -> Iterator[Path]:
    """Files written by hand, with one of the suffixes."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and not SKIPPED_FOLDERS.intersection(path.parts):
                yield path


def named(path: Path) -> str:
    """The path as a message shows it."""
    return str(path.relative_to(ROOT))
