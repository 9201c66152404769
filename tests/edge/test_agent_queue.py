"""The queue of unsent readings: days without a server, restarts, a full disk, a damaged file."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.agent.drivers.file_board import FileBoard
from edge.agent.machine import Machine, assembled
from edge.agent.metrics import MetricsSampler
from edge.agent.power import Power
from edge.agent.session import Session
from edge.agent.telemetry_store import DROPPED_METRIC, TelemetryStore, count_pending, opened
from edge.protocol import codec, messages
from edge.protocol.limits import MAX_FRAME_BYTES
from tests.edge.test_agent_parts import filled_store

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
CAPACITY, CAPACITY_BYTES = 12, 1_500


class QueueBesideAList(RuleBasedStateMachine):
    """Whatever happens, the queue holds what a plain list of the same bounds would."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "queue"
        self.boots = 0
        self.dropped = 0
        self.list: list[tuple[str, int, int]] = []
        self.sent: dict[str, int] = {}
        self.boot()

    def boot(self) -> None:
        self.boots += 1
        self.numbers = 0
        self.sent = {}
        self.store = TelemetryStore(
            self.path,
            boot_id=f"b{self.boots}",
            capacity=CAPACITY,
            capacity_bytes=CAPACITY_BYTES,
        )

    @rule(metrics=st.integers(0, 12))
    def measure(self, metrics: int) -> None:
        said = {f"metric_{number}": 1.5 for number in range(metrics)}
        self.store.append(said, at=NOW)
        self.list.append((f"b{self.boots}", self.numbers, metrics))
        self.numbers += 1
        while len(self.list) > 1 and (
            len(self.list) > CAPACITY or sum(map(weight, self.list)) > CAPACITY_BYTES
        ):
            self.list.pop(0)
            self.dropped += 1

    @rule(limit=st.integers(1, 5))
    def send(self, limit: int) -> None:
        batch = self.store.oldest_batch(limit=limit)
        if not self.list:
            assert batch is None
            return
        first = self.list[0][0]
        expected = [seq for boot_id, seq, _ in self.list if boot_id == first][:limit]
        assert batch is not None
        assert (batch.boot_id, [one.seq for one in batch.readings]) == (first, expected)
        self.sent[first] = max(expected[-1], self.sent.get(first, -1))

    @rule(acked_seq=st.integers(-1, 30), back=st.integers(0, 2))
    def acknowledge(self, acked_seq: int, back: int) -> None:
        boot_id = f"b{self.boots - back}"
        covered = min(acked_seq, self.sent.get(boot_id, -1))
        left = [one for one in self.list if one[0] != boot_id or one[1] > covered]
        forgotten = self.store.acknowledge(boot_id=boot_id, acked_seq=acked_seq)
        assert forgotten == len(self.list) - len(left)
        self.list = left

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.boot()

    @invariant()
    def agrees(self) -> None:
        assert (len(self.store), self.store.dropped) == (len(self.list), self.dropped)
        assert self.store._totals.bytes == sum(map(weight, self.list))

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


def weight(reading: tuple[str, int, int]) -> int:
    metrics = {f"metric_{number}": 1.5 for number in range(reading[2])}
    return len(codec.strict_json.dumps(metrics)) + 96


TestQueueBesideAList = QueueBesideAList.TestCase
TestQueueBesideAList.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


def test_after_a_long_absence_a_batch_fills_a_frame_and_never_more(tmp_path: Path) -> None:
    store = TelemetryStore(tmp_path / "queue", boot_id="b1")
    metrics = MetricsSampler().sample(monotonic=1.0)
    for _ in range(600):
        store.append(metrics, at=datetime.now(UTC))
    sent = 0
    while (batch := store.oldest_batch()) is not None:
        size = len(codec.encode(batch).encode())
        assert size <= MAX_FRAME_BYTES
        if sent == 0:
            assert size > 0.75 * MAX_FRAME_BYTES
        sent += len(batch.readings)
        store.acknowledge(boot_id="b1", acked_seq=batch.readings[-1].seq)
    assert sent == 600
    store.close()


def test_a_reading_too_large_for_its_company_goes_alone(tmp_path: Path) -> None:
    store = TelemetryStore(tmp_path / "queue", boot_id="b1")
    for name_length in (10, 50_000, 10):
        store.append({"n" * name_length: 1.0}, at=NOW)
    batch = store.oldest_batch(max_bytes=10_000)
    assert batch is not None
    assert [one.seq for one in batch.readings] == [0]
    store.acknowledge(boot_id="b1", acked_seq=0)
    second = store.oldest_batch(max_bytes=10_000)
    assert second is not None
    assert [one.seq for one in second.readings] == [1]
    store.close()


def test_what_was_dropped_is_told_as_a_figure_and_counted_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "queue"
    filled_store(path, boot_id="b1", count=3, capacity=3).close()
    assert DROPPED_METRIC not in measured(tmp_path, boot_id="b2", capacity=5)
    filled_store(path, boot_id="b3", count=3, capacity=5).close()
    assert measured(tmp_path, boot_id="b4", capacity=5)[DROPPED_METRIC] == 2
    assert measured(tmp_path, boot_id="b5", capacity=5)[DROPPED_METRIC] == 3


def machine_of(driver: FileBoard, store: TelemetryStore, folder: Path) -> Machine:
    return assembled(
        driver,
        store,
        boot_id="b1",
        interval_s=1,
        state_dir=folder,
        server_url="http://127.0.0.1:9",
        power=Power(is_allowed=False),
    )


def measured(folder: Path, *, boot_id: str, capacity: int) -> dict[str, float]:
    """Return the reading that a machine kept which was started, measured once and was stopped."""
    driver = FileBoard(folder / "board", relay_count=0)
    with closing(TelemetryStore(folder / "queue", boot_id=boot_id, capacity=capacity)) as store:
        machine_of(driver, store, folder).sample(monotonic=1.0)
    driver.close()
    with closing(sqlite3.connect(folder / "queue")) as database:
        (text,) = database.execute(
            "SELECT metrics FROM readings WHERE boot_id = ?", (boot_id,)
        ).fetchone()
    return dict(codec.strict_json.loads(text))


def test_a_store_of_an_earlier_agent_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "queue"
    filled_store(path, boot_id="b1", count=5).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE totals")
    store = TelemetryStore(path, boot_id="b2")
    assert (len(store), store.dropped) == (5, 0)
    assert store._totals.bytes > 5 * 96
    store.close()


def test_a_full_disk_costs_the_newest_reading_and_counts_it(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "queue", boot_id="b1", count=2)
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(200):
        store.append({f"metric_{number}": 1.0}, at=NOW)
    kept, lost = len(store), store.dropped
    assert lost > 0
    assert kept + lost == 202
    assert count_pending(tmp_path / "queue") == kept
    store._database.execute("PRAGMA max_page_count = 100000")
    store.append({"room": 1.0}, at=NOW)
    store.close()
    again = TelemetryStore(tmp_path / "queue", boot_id="b2")
    assert (len(again), again.dropped) == (kept + 1, lost), "written down once there was room"
    again.close()


def test_a_damaged_queue_is_put_aside_and_the_machine_stays_reachable(tmp_path: Path) -> None:
    path = tmp_path / "queue"
    path.write_text("no database" * 100)
    store = opened(path, boot_id="b1", capacity=10, capacity_bytes=10_000)
    store.append({"n": 1.0}, at=NOW)
    assert len(store) == 1
    assert (tmp_path / "queue.damaged").read_text() == "no database" * 100
    store.close()


class Socket:
    """The server's end of a session: what was said to it."""

    def __init__(self) -> None:
        self.frames: list[str] = []

    async def send(self, frame: str) -> None:
        self.frames.append(frame)


async def test_a_batch_is_sent_again_only_after_the_time_the_server_asked_for(
    tmp_path: Path,
) -> None:
    now = [1_000.0]
    driver = FileBoard(tmp_path / "board", relay_count=0)
    with closing(filled_store(tmp_path / "queue", boot_id="b1", count=2)) as store:
        machine = machine_of(driver, store, tmp_path)
        session, socket = Session(machine, monotonic=lambda: now[0]), Socket()

        async def frames_after(seconds: float) -> int:
            now[0] += seconds
            await session._send_telemetry(socket)  # type: ignore[arg-type]
            return len(socket.frames)

        assert await frames_after(0) == 1
        assert await frames_after(29) == 1, "one batch at a time"
        assert await frames_after(2) == 2, "no answer for thirty seconds"
        session._take_error(messages.Error("unavailable", "full", retry_after=60))
        assert await frames_after(31) == 2, "the server keeps it until it has room"
        assert await frames_after(60) == 3
        assert socket.frames == [socket.frames[0]] * 3
    driver.close()
