"""The clock's benchmark runs; the verdict of so few calls is for nobody."""

from __future__ import annotations

import contextlib

import pytest

from benchmarks import existence_timing

pytestmark = pytest.mark.e2e


def test_the_clock_is_asked_for_everything_that_has_a_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # How many calls it takes for steady medians is not for a test: either verdict is fine here.
    with contextlib.suppress(SystemExit):
        existence_timing.main(["--count", "3"])

    printed = capsys.readouterr().out
    asked = ("device", "site", "command", "transfer code", "claim code", "device's key")
    assert all(f"  {name} " in printed for name in asked)
    assert "aim <= 10%" in printed
