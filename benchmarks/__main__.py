"""`make bench`: run the named benchmarks, all of them when none is named."""

from __future__ import annotations

import argparse

from benchmarks import (
    authenticated_request,
    bulk_command,
    cold_start,
    command_round_trip,
    existence_timing,
    fleet_lists,
    groups,
    http_ingest,
    idle_sockets,
    ledger,
    lighthouse,
    live_page,
    mass_offline,
    mqtt_ingest,
    notifications,
    presence_store,
    reconnect_burst,
    simulated_fleet,
    site_removal,
    telemetry_reads,
    twin,
    websocket_ingest,
)
from benchmarks.report import say

BENCHMARKS = {
    "command_round_trip": command_round_trip.main,
    "idle_sockets": idle_sockets.main,
    "cold_start": cold_start.main,
    "authenticated_request": authenticated_request.main,
    "reconnect_burst": reconnect_burst.main,
    "simulated_fleet": simulated_fleet.main,
    "ledger": ledger.main,
    "twin": twin.main,
    "bulk_command": bulk_command.main,
    "site_removal": site_removal.main,
    "mass_offline": mass_offline.main,
    "presence_store": presence_store.main,
    "fleet_lists": fleet_lists.main,
    "groups": groups.main,
    "http_ingest": http_ingest.main,
    "mqtt_ingest": mqtt_ingest.main,
    "notifications": notifications.main,
    "websocket_ingest": websocket_ingest.main,
    "telemetry_reads": telemetry_reads.main,
    "existence_timing": existence_timing.main,
    "live_page": live_page.main,
    "lighthouse": lighthouse.main,
}


def main() -> None:
    """Run them one after the other; options come after the name of a single benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run one benchmark with its options, or all of them.",
        epilog="Options of one: make bench ARGS='command_round_trip --help'",
    )
    parser.add_argument("name", nargs="?", choices=BENCHMARKS)
    parser.add_argument("options", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    for name in [chosen.name] if chosen.name else BENCHMARKS:
        BENCHMARKS[name](chosen.options)
        say()


if __name__ == "__main__":
    main()
