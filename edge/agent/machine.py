"""What a session speaks for: the relays, the figures and the clock of this machine."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from edge.agent.board import Board
from edge.agent.metrics import MetricsSampler
from edge.agent.telemetry_store import DROPPED_METRIC, TelemetryStore
from edge.protocol.duties import AnyCommand, ServerClock
from edge.protocol.messages import Ack


@dataclass(frozen=True, slots=True)
class Machine:
    """Outlives its connections, so that nothing it knows is lost between two of them."""

    board: Board
    telemetry: TelemetryStore
    sampler: MetricsSampler
    interval_s: float
    clock: ServerClock = field(default_factory=ServerClock)

    def sample(self, *, monotonic: float) -> None:
        """Keep one reading, stamped with the server's time once that is known."""
        metrics = self.sampler.sample(monotonic=monotonic)
        if self.telemetry.dropped:
            metrics[DROPPED_METRIC] = float(self.telemetry.dropped)
        self.telemetry.append(metrics, at=self._now(monotonic))

    def carry_out(self, command: AnyCommand, *, monotonic: float) -> Ack:
        """Return the answer to a command, its deadline judged by the server's time."""
        return self.board.carry_out(command, server_now=self._now(monotonic))

    def _now(self, monotonic: float) -> datetime:
        return self.clock.now(monotonic=monotonic) or datetime.now(UTC)
