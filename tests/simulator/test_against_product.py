"""A small chaotic fleet against the running product, and a checker that tells when it is wrong."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.product import ProductFailed, ProductProcess, embedded_product
from tests.services import MosquittoServer

pytestmark = [pytest.mark.e2e, pytest.mark.embedded_only, pytest.mark.mosquitto]

CHAOS = (
    "--mix", "pos=2,server=1,relay=3,sensor=2", "--chaos", "0.3", "--fault-every", "1.5",
    "--late-ack", "0.1-1", "--half-open", "0.5-2", "--telemetry-every", "0.3",
    "--reconnect-max", "1", "--outage-every", "5", "--outage-for", "1-2", "--outage-share", "0.5",
    "--chaos-for", "10", "--duration", "14", "--quiet",
)  # fmt: skip

HTTP, HELD = "http=1", "websocket=1,mqtt=1"


class Run:
    """A fleet that has been, with the product it spoke to."""

    def __init__(self, product: ProductProcess, wires: str) -> None:
        self.product = product
        self.truth_file = product.folder / f"truth-{wires}.json"
        self.log_file = product.folder / f"log-{wires}.jsonl"
        seed = "11" if wires == HTTP else "12"
        files = ("--truth", str(self.truth_file), "--log", str(self.log_file))
        product.manage("simulate", *CHAOS, "--wires", wires, "--seed", seed, *files)

    def check(self, *more: str, file: Path | None = None) -> str:
        return self.product.manage("check_simulation", str(file or self.truth_file), *more)

    @property
    def truth(self) -> dict[str, Any]:
        return json.loads(self.truth_file.read_text())["devices"]

    def faults(self) -> set[str]:
        lines = map(json.loads, self.log_file.read_text().splitlines())
        return {line["fault"] for line in lines if line["event"] == "chaos"}


@pytest.fixture(scope="module")
def product() -> Iterator[ProductProcess]:
    with MosquittoServer() as broker:
        running = embedded_product(
            PROVISIONS_PER_MINUTE="10000", OFFLINE_AFTER_SECONDS="10", **broker.environment()
        )
        try:
            running.start()
            yield running
        finally:
            running.close()


@pytest.fixture(scope="module")
def run(product: ProductProcess) -> Run:
    """Over HTTP, where the checker is shown what it must notice."""
    return Run(product, HTTP)


@pytest.mark.parametrize("wires", [HTTP, HELD])
def test_after_all_that_went_wrong_truth_and_database_agree(
    wires: str, product: ProductProcess, request: pytest.FixtureRequest
) -> None:
    run = request.getfixturevalue("run") if wires == HTTP else Run(product, wires)
    said = run.check("--wait", "60")
    assert "Truth and database agree." in said and "of 0 lives not settled" in said
    assert len(run.truth) == 8
    assert {device["line"]["wire"] for device in run.truth.values()} == _names(wires)
    acked = sum(
        last - first + 1
        for device in run.truth.values()
        for boot in device["readings"].values()
        for first, last in boot["acked"]
    )
    assert acked > 100
    assert len(run.faults()) >= 6, "it was no quiet run"
    assert "site_outage" in run.faults()


def _names(wires: str) -> set[str]:
    return {part.split("=")[0] for part in wires.split(",")}


_FIRST_READING = "(SELECT min(id) FROM telemetry_reading WHERE device_id = {device})"
_TAMPERED = {
    "a reading is lost": (
        f"DELETE FROM telemetry_reading WHERE id = {_FIRST_READING}",
        "was acknowledged and is not stored",
    ),
    "a reading is another": (
        "UPDATE telemetry_reading SET metrics = json_set(metrics, '$.uptime_s', 1e6)"
        f" WHERE id = {_FIRST_READING}",
        "stored otherwise than sent",
    ),
    "a reading was never sent": (
        f"UPDATE telemetry_reading SET seq = seq + 1000000 WHERE id = {_FIRST_READING}",
        "is stored and was never sent",
    ),
    "a device that is gone is online": (
        "UPDATE devices_devicepresence SET is_online = 1, last_seen_at = '2026-01-01 00:00:00',"
        " offline_due_at = '2999-01-01 00:00:00' WHERE device_id = {device}",
        "counts as online",
    ),
    "a life is another's": (
        "UPDATE devices_device SET hardware_id = 'stolen' WHERE id = {device}",
        "is stolen, not sim-11",
    ),
    "a device passes for a real one": (
        "UPDATE devices_device SET is_simulated = 0 WHERE id = {device}",
        "is not marked as simulated",
    ),
}


@pytest.mark.parametrize("what", _TAMPERED)
def test_a_database_that_was_tampered_with_is_found_out(what: str, run: Run, tampered) -> None:
    run.check("--wait", "60")
    statement, complaint = _TAMPERED[what]
    tampered(statement)
    with pytest.raises(ProductFailed, match=complaint):
        run.check()


def test_a_life_that_nobody_has_is_named(run: Run, tmp_path: Path) -> None:
    document = json.loads(run.truth_file.read_text())
    uid, device = next(iter(document["devices"].items()))
    document["devices"] = {f"{uid}x": device}
    invented = tmp_path / "truth.json"
    invented.write_text(json.dumps(document))
    with pytest.raises(ProductFailed, match=r"life 1 of sim-11-.* is not there"):
        run.check(file=invented)


def test_what_is_no_truth_is_a_sentence(run: Run, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.json"
    nonsense.write_text("{}")
    with pytest.raises(ProductFailed, match="is no truth file"):
        run.check(file=nonsense)


@pytest.fixture
def tampered(run: Run) -> Iterator[Callable[[str], None]]:
    """Change the database behind the product's back; it is put back afterwards."""
    (database,) = (run.product.folder / "data").glob("*.sqlite3")
    before = database.with_suffix(".before")
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with closing(sqlite3.connect(before)) as copy:
            connection.backup(copy)

    def change(statement: str) -> None:
        with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
            (device,) = connection.execute(
                "SELECT device_id FROM telemetry_reading ORDER BY id LIMIT 1"
            ).fetchone()
            done = connection.execute(statement.format(device=device))
            assert done.rowcount == 1

    yield change
    with (
        closing(sqlite3.connect(before)) as copy,
        closing(sqlite3.connect(database, timeout=30)) as connection,
    ):
        copy.backup(connection)
    shutil.rmtree(before, ignore_errors=True)
