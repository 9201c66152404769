"""Each benchmark runs; what it measures is for the eyes of people."""

from __future__ import annotations

import pytest

from benchmarks import cold_start, command_round_trip, idle_sockets

pytestmark = pytest.mark.e2e


def test_the_command_round_trip_prints_floor_product_and_ratio_on_sqlite(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command_round_trip.main(["--backend", "embedded", "--count", "10", "--statements"])

    printed = capsys.readouterr().out
    assert "SQLite" in printed
    assert all(row in printed for row in ("floor", "product", "ratio", "in flight"))
    assert "INSERT INTO audit_auditentry" in printed


@pytest.mark.postgres
@pytest.mark.redis
def test_the_command_round_trip_prints_floor_product_and_ratio_on_postgresql(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command_round_trip.main(["--backend", "production", "--count", "10"])

    printed = capsys.readouterr().out
    assert "PostgreSQL" in printed
    assert "ratio" in printed


def test_the_idle_sockets_are_held_by_the_product_and_by_a_bare_consumer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    idle_sockets.main(["--count", "20"])

    printed = capsys.readouterr().out
    assert "bare consumer" in printed
    assert "ratio" in printed


def test_the_cold_start_is_taken_on_a_folder_that_exists(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cold_start.main(["--count", "1"])

    assert "run_embedded" in capsys.readouterr().out
