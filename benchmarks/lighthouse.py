"""Lighthouse over the pages that people keep open: scores, what costs them, bytes of a first load.

Needs node, Debian's Chromium and the registry once: `npx lighthouse@13.5.0` is fetched when it is
not there. The installation is a real one with agents and a simulated fleet.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from benchmarks.browsing import filled_installation, forget_files, free_port, signed_in_browser
from benchmarks.report import heading, median, say

_PACKAGE = "lighthouse@13.5.0"
_CATEGORIES = ("performance", "accessibility", "best-practices")
_AIMS = {"performance": 95, "accessibility": 100, "best-practices": 100}
_WEIGHT_AIM = 150 * 1024
# A trace may lack its beginning on a busy machine; that says nothing about the page.
_TRIES = 3


def main(arguments: Sequence[str]) -> None:
    """Measure each page `--runs` times; the median counts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks lighthouse", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--desktop", action="store_true", help="a desktop instead of a phone on 4G")
    parser.add_argument("--page", action="append", help="a path; may be repeated")
    parser.add_argument("--command", help="a lighthouse that is installed already")
    chosen = parser.parse_args(arguments)
    command = [chosen.command] if chosen.command else ["npx", "--yes", _PACKAGE]
    if shutil.which(command[0]) is None:
        say(f"{command[0]} is not here: install node, or name a lighthouse with --command.")
        return
    heading(f"Lighthouse 13.5.0, {'desktop' if chosen.desktop else 'phone, simulated slow 4G'}")
    port = free_port()
    with filled_installation() as (product, room), signed_in_browser(product, port=port) as tab:
        device = f"/dashboard/devices/{room.uid('Lobby board')}"
        for path in chosen.page or ["/dashboard", "/dashboard/devices", device, "/app"]:
            run = partial(_report, command, f"{product.base_url}{path}", port, chosen.desktop)
            _page(path, [_afresh(tab, run) for _ in range(chosen.runs)])


def _afresh(tab: Page, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    for _ in range(_TRIES):
        forget_files(tab)
        report = run()
        if not report.get("runtimeError"):
            break
    return report


def _page(path: str, reports: list[dict[str, Any]]) -> None:
    if any(report.get("runtimeError") for report in reports):
        say(f"{path}: {[report.get('runtimeError', {}).get('code') for report in reports]}")
        return
    scores = {
        name: median([report["categories"][name]["score"] * 100 for report in reports])
        for name in _CATEGORIES
    }
    told = ", ".join(
        f"{name} {score:.0f}{'' if score >= _AIMS[name] else f' (aim {_AIMS[name]})'}"
        for name, score in scores.items()
    )
    say(f"{path}: {told}")
    _timings(reports[-1])
    _weight(reports[-1])
    _found(reports[-1])
    if scores["performance"] < _AIMS["performance"]:
        _busy(reports[-1])


def _report(command: list[str], url: str, port: int, is_desktop: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="homepot-lighthouse-") as folder:
        file = Path(folder) / "report.json"
        subprocess.run(
            [
                *command, url, f"--port={port}", "--disable-storage-reset", "--quiet",
                "--output=json", f"--output-path={file}",
                f"--only-categories={','.join(_CATEGORIES)}",
                *(["--preset=desktop"] if is_desktop else []),
            ],
            check=False, timeout=180, capture_output=True,
        )  # fmt: skip
        report: dict[str, Any] = json.loads(file.read_text())
        return report


def _timings(report: dict[str, Any]) -> None:
    names = (
        "first-contentful-paint", "largest-contentful-paint", "total-blocking-time",
        "cumulative-layout-shift", "speed-index",
    )  # fmt: skip
    audits = report["audits"]
    say(
        "  "
        + ", ".join(f"{audits[name]['title']} {audits[name]['displayValue']}" for name in names)
    )


def _weight(report: dict[str, Any]) -> None:
    requests = report["audits"]["network-requests"]["details"]["items"]
    kinds: Counter[str] = Counter()
    for request in requests:
        kinds[str(request.get("resourceType", "Other"))] += int(request.get("transferSize") or 0)
    total = sum(kinds.values())
    parts = ", ".join(f"{kind.lower()} {size / 1024:.0f}" for kind, size in kinds.most_common())
    verdict = "" if total <= _WEIGHT_AIM else " (aim 150)"
    say(f"  first load {total / 1024:.0f} KiB{verdict} in {len(requests)} requests: {parts}")


def _found(report: dict[str, Any]) -> None:
    weighted = {
        reference["id"]
        for name in _CATEGORIES
        for reference in report["categories"][name]["auditRefs"]
        if reference["weight"] > 0
    }
    for name, audit in report["audits"].items():
        score = audit.get("score")
        if name not in weighted or score is None or score >= 0.9:
            continue
        say(f"  - {audit['title']} ({score:.2f}) {audit.get('displayValue', '')}")
        for item in (audit.get("details") or {}).get("items", [])[:6]:
            node = item.get("node") or {}
            what = node.get("snippet") or item.get("description") or item.get("url") or ""
            say(f"      {str(what)[:150]}")


def _busy(report: dict[str, Any]) -> None:
    """What the main thread did all the time, by script and by kind of work."""
    audits = report["audits"]
    for item in audits["bootup-time"]["details"]["items"][:5]:
        say(f"      {item['total']:.0f} ms, scripts {item['scripting']:.0f}: {item['url'][-70:]}")
    for item in audits["mainthread-work-breakdown"]["details"]["items"][:4]:
        say(f"      {item['duration']:.0f} ms {item['groupLabel']}")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
