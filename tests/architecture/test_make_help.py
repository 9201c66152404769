"""`make help` names every target."""

import re
import subprocess

from tests.architecture.sources import ROOT


def test_make_help_lists_every_target_with_a_description() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([A-Za-z_.-]+):", makefile, re.MULTILINE)) - {".PHONY"}
    printed = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", printed, re.MULTILINE))
    assert targets == listed.keys()


def test_make_alone_shows_the_help() -> None:
    printed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "make run" in printed
    assert "make test" in printed
