"""What a session speaks for: the relays, the work, the figures and the clock of this machine."""

import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.agent import VERSION
from edge.agent.agreements import AGREED_FILE, REPORT_INTERVAL, Agreements
from edge.agent.board import Board
from edge.agent.diagnostics import Diagnostics
from edge.agent.drivers.base import RelayDriver
from edge.agent.drivers.infrared import InfraredDriver
from edge.agent.metrics import MetricsSampler
from edge.agent.power import Power
from edge.agent.telemetry_store import DROPPED_METRIC, TelemetryStore
from edge.agent.worker import Worker
from edge.agent.workshop import Workshop
from edge.protocol import convergence
from edge.protocol.duties import AnyCommand, ServerClock
from edge.protocol.messages import Ack


@dataclass(frozen=True, slots=True)
class Machine:
    """Outlives its connections, so that nothing it knows is lost between two of them."""

    board: Board
    telemetry: TelemetryStore
    sampler: MetricsSampler
    configured_interval_s: float
    worker: Worker
    agreements: Agreements
    diagnostics: Diagnostics
    clock: ServerClock = field(default_factory=ServerClock)

    @property
    def interval_s(self) -> float:
        """Seconds between two readings."""
        return self.agreements.interval_s(self.configured_interval_s)

    def sample(self, *, monotonic: float) -> None:
        """Keep one reading, stamped with the server's time once that is known."""
        metrics = self.sampler.sample(monotonic=monotonic)
        if self.telemetry.dropped:
            metrics[DROPPED_METRIC] = float(self.telemetry.dropped)
        self.telemetry.append(metrics, at=self._now(monotonic))

    def carry_out(self, command: AnyCommand, *, monotonic: float) -> Ack:
        """Return the answer to a command, its deadline judged by the server's time."""
        return self.worker.take(command, server_now=self._now(monotonic))

    def set_clock(self, server_time: datetime, *, monotonic: float) -> None:
        """Take over the server's time."""
        self.clock.set(server_time=server_time, monotonic=monotonic)
        self.diagnostics.clock_offset_s = (server_time - datetime.now(UTC)).total_seconds()

    def state(self) -> dict[str, Any]:
        """Return what this machine is like, for the reported half of its twin.

        Of what is desired it has what it understands: the rest stays a difference to be seen.
        """
        own = {
            "agent_version": VERSION,
            "system": platform.system(),
            "architecture": platform.machine(),
            "relay_count": self.board.relay_count,
            "config_version": self.agreements.config.version,
            REPORT_INTERVAL: self.interval_s,
        }
        return convergence.reported_state(own, {})

    def _now(self, monotonic: float) -> datetime:
        return self.clock.now(monotonic=monotonic) or datetime.now(UTC)


def assembled(
    driver: RelayDriver,
    telemetry: TelemetryStore,
    *,
    boot_id: str,
    interval_s: float,
    state_dir: Path,
    server_url: str,
    power: Power,
    infrared: InfraredDriver | None = None,
) -> Machine:
    """Return a machine of these parts, with what it remembers in its state directory."""
    board = Board(driver, firmware_version=VERSION, boot_id=boot_id)
    agreements = Agreements(state_dir / AGREED_FILE)
    diagnostics = Diagnostics(state_dir=state_dir, server_url=server_url)
    workshop = Workshop(
        agreements=agreements, diagnostics=diagnostics, power=power, infrared=infrared
    )
    return Machine(
        board=board,
        telemetry=telemetry,
        sampler=MetricsSampler(),
        configured_interval_s=interval_s,
        worker=Worker(board, workshop),
        agreements=agreements,
        diagnostics=diagnostics,
    )
