"""Each benchmark runs; what it measures is for the eyes of people."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from benchmarks import (
    authenticated_request,
    cold_start,
    command_round_trip,
    http_ingest,
    idle_sockets,
    reconnect_burst,
    websocket_ingest,
)
from benchmarks.household import Household
from benchmarks.reconnect_burst import Stream
from tests.services import ROOT

pytestmark = pytest.mark.e2e
NOBODY = Household(base_url="", ws_url="", access_token="")


def run(*arguments: str) -> str:
    """What a benchmark prints that sets Django up itself, once in a process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_readings_over_http_are_printed_beside_their_limit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    http_ingest.main(["--backend", "embedded", "--seconds", "0.3", "--rounds", "1"])

    printed = capsys.readouterr().out
    assert all(row in printed for row in ("limit", "batches of 100", "single readings"))


def test_readings_over_websocket_are_printed_beside_their_limit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    websocket_ingest.main(["--backend", "embedded", "--seconds", "0.3", "--rounds", "1"])

    printed = capsys.readouterr().out
    assert all(row in printed for row in ("limit", "one reading a frame", "100 readings a frame"))


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


def test_the_authenticated_request_is_set_beside_the_unchecked_one_on_sqlite(
    capsys: pytest.CaptureFixture[str],
) -> None:
    authenticated_request.main(["--backend", "embedded", "--count", "10"])

    printed = capsys.readouterr().out
    assert all(row in printed for row in ("nobody asked", "with the key", "ratio"))


@pytest.mark.postgres
@pytest.mark.redis
def test_the_authenticated_request_is_set_beside_the_unchecked_one_on_postgresql(
    capsys: pytest.CaptureFixture[str],
) -> None:
    authenticated_request.main(["--backend", "production", "--count", "10"])

    assert "ratio" in capsys.readouterr().out


@pytest.mark.postgres
@pytest.mark.redis
def test_a_small_fleet_is_cut_and_all_of_it_comes_back_while_no_request_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reconnect_burst.main(["--count", "20", "--calm", "1"])

    printed = capsys.readouterr().out
    assert "20 of 20 devices back" in printed
    assert "welcome 20" in printed


def test_a_device_that_is_not_back_or_a_failed_request_fails_the_burst() -> None:
    outcome = reconnect_burst.Outcome(
        devices=2,
        held=2,
        back=[1.0, 1.0],
        told=Counter(),
        calm=Stream(household=NOBODY),
        burst=Stream(household=NOBODY),
        authentication_s=0.0,
        authentications=2,
        process_s=1.0,
    )
    failed = Stream(household=NOBODY, failed=Counter({"503": 1}))

    assert outcome.is_fine
    assert not replace(outcome, held=1).is_fine
    assert not replace(outcome, burst=failed).is_fine


def test_the_site_removal_is_set_beside_its_bare_statements_on_sqlite() -> None:
    printed = run("site_removal", "--backend", "embedded", "--devices", "20")

    assert all(row in printed for row in ("floor", "product", "ratio"))


@pytest.mark.postgres
@pytest.mark.redis
def test_the_site_removal_is_set_beside_its_bare_statements_on_postgresql() -> None:
    assert "ratio" in run("site_removal", "--backend", "production", "--devices", "20")


def test_a_fleet_that_falls_silent_is_set_beside_its_bare_statements_on_sqlite() -> None:
    printed = run("mass_offline", "--backend", "embedded", "--devices", "40")

    assert all(row in printed for row in ("floor", "last announcement", "ratio"))


@pytest.mark.postgres
@pytest.mark.redis
def test_a_fleet_that_falls_silent_is_set_beside_its_bare_statements_on_postgresql() -> None:
    assert "ratio" in run("mass_offline", "--backend", "production", "--devices", "40")


@pytest.mark.postgres
@pytest.mark.redis
def test_a_compiled_query_finds_what_one_written_by_hand_finds() -> None:
    printed = run("groups", "--devices", "300", "--rounds", "1", "--only", "site:site-3")

    assert all(row in printed for row in ("count (", "first page, compiled", "first page, whole"))


@pytest.mark.postgres
@pytest.mark.redis
def test_the_fleet_lists_are_read_with_and_without_row_security() -> None:
    printed = run("fleet_lists", "--devices", "200", "--tenants", "2", "--rounds", "2")

    assert "forced row security" in printed
    assert "row security off" in printed
    assert "list, HTTP" in printed
