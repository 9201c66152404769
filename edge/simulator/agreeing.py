"""How a simulated device comes to agree with its server on its configuration and desired state."""

from collections.abc import Mapping
from typing import Any, Final

from edge.protocol import convergence, messages
from edge.simulator import VERSION
from edge.simulator.chaos import BatchFate
from edge.simulator.core import Connection
from edge.simulator.effects import Moment
from edge.simulator.reporting import ReportingDevice

_REPORT_EVERY_S: Final = 30.0


class AgreeingDevice(ReportingDevice):
    """Takes over what the server wants, keeps it, and tells what it is like."""

    def _agree(self, message: messages.DownMessage, at: Moment) -> None:
        if isinstance(message, messages.Config):
            self._take_config(message.version, message.config)
            self._send(messages.ConfigApplied(version=self.flash.config.version))
            self._report_state(at)
        elif isinstance(message, messages.TwinDesired):
            self._take_desired(message, at)
        elif isinstance(message, messages.TwinAck) and self._connection is not None:
            self._connection.twin.acknowledged(message)
            self._record("report_acked", report_id=message.report_id)
            self._report_state(at)

    def _agree_on_welcome(self, welcome: messages.Welcome, at: Moment) -> None:
        in_force = self.flash.config.version
        if in_force != welcome.config_version:
            # One of the two was set back, or does not know the other: the server has to find out.
            self._send(messages.ConfigApplied(version=in_force))
        self._report_now_and_then(at)

    def _take_config(self, version: int, document: Mapping[str, Any]) -> bool:
        """Work by this configuration from now on; False when it is no newer."""
        taken = self.flash.config.taking(version, document)
        if taken is None:
            return False
        self.flash.config = taken
        self._record("config_taken", version=version, document=dict(document))
        return True

    def _take_desired(self, message: messages.TwinDesired, at: Moment) -> None:
        taken = self.flash.desired.taking(message.version, message.desired)
        if taken is not None:
            self.flash.desired = taken
            self._record("desired_taken", version=taken.version)
        elif self._connection is not None:
            # Who sends what was taken over long ago has not heard so.
            self._connection.twin = convergence.TwinReporter()
        self._report_state(at)

    def _report_now_and_then(self, at: Moment) -> None:
        self._report_state(at)
        self._errands.add(at.monotonic + _REPORT_EVERY_S, self._report_now_and_then)

    def _report_state(self, at: Moment) -> None:
        connection, flash = self._open_connection(), self.flash
        if connection is None or not (self.profile.reports_twin or flash.desired.version):
            return
        report = connection.twin.next_report(
            self._state(),
            desired_version=flash.desired.version,
            seq=flash.reports,
            monotonic=at.monotonic,
        )
        if report is None:
            return
        flash.reports += 1
        flash.reported = _joined(flash.reported, self._state())
        self._record(
            "reported",
            desired_version=flash.desired.version,
            document=self._state(),
            report_id=report.report_id,
        )
        self._send_report(connection, report, at)

    def _state(self) -> dict[str, Any]:
        own = {
            "firmware_version": VERSION,
            "config_version": self.flash.config.version,
            "relay_count": len(self.flash.relays),
        }
        return convergence.reported_state(own, self.flash.desired.document)

    def _send_report(
        self, connection: Connection, report: messages.TwinReported, at: Moment
    ) -> None:
        fate = self._chaos.report_fate()
        if fate is not BatchFate.NORMAL:
            self._record("chaos", fault=f"twin_{fate.value.removeprefix('telemetry_')}")
        if fate is BatchFate.LATE:
            self._errands.add(
                at.monotonic + self._chaos.late_by_s("twin"), self._send_later, report
            )
        elif fate is not BatchFate.LOST:
            copies = self._chaos.several("twin") if fate is BatchFate.DUPLICATED else 1
            self._send(report, copies=copies)


def _joined(known: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    """Return all members of both, at any depth, with the newer values."""
    joined = dict(known)
    for name, value in newer.items():
        before = joined.get(name)
        both_are_objects = isinstance(before, Mapping) and isinstance(value, Mapping)
        joined[name] = _joined(before, value) if both_are_objects else value  # type: ignore[arg-type]
    return joined
