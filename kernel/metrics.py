"""The product's own metrics, shared by all apps.

No label is an id of anything: the number of series stays the same however many devices there
are (a test holds `ALLOWED_LABELS` and the count).
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

ALLOWED_LABELS: Final = frozenset({"kind", "outcome", "type", "code"})

COMMANDS: Final = Counter(
    "homepot_commands_total", "Commands that reached an outcome.", ["kind", "outcome"]
)
COMMAND_SECONDS: Final = Histogram(
    "homepot_command_seconds",
    "Time from a command's creation to its outcome.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
COMMANDS_REPEATED: Final = Counter(
    "homepot_commands_repeated_total",
    "Commands that were handed out once more, and cancels that devices were told.",
    ["type"],
)
DEVICE_SOCKETS: Final = Gauge("homepot_device_sockets", "Device sockets this process holds.")
CLIENT_SOCKETS: Final = Gauge("homepot_client_sockets", "Browser sockets this process holds.")
DEVICE_MESSAGES: Final = Counter(
    "homepot_device_messages_total", "Messages that devices sent.", ["type"]
)
PROTOCOL_ERRORS: Final = Counter(
    "homepot_protocol_errors_total", "Frames of devices that were refused.", ["code"]
)
READINGS: Final = Counter(
    "homepot_readings_total", "Telemetry records: stored, duplicate or rejected.", ["outcome"]
)
INGEST_REQUESTS: Final = Counter(
    "homepot_ingest_requests_total",
    "Calls that brought readings over HTTP: accepted, or the code of the refusal.",
    ["code"],
)
INGEST_QUEUED: Final = Gauge(
    "homepot_ingest_queued_readings", "Readings that this process holds uncommitted."
)
INGEST_FLUSH_SECONDS: Final = Histogram(
    "homepot_ingest_flush_seconds",
    "Time of one group commit of readings.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
MQTT_MESSAGES: Final = Counter(
    "homepot_mqtt_messages_total",
    "Messages of devices that came over MQTT, and what became of them.",
    ["type", "outcome"],
)
MQTT_CONNECTED: Final = Gauge(
    "homepot_mqtt_connections", "Connections to the broker that this process reads from."
)
MQTT_LOST: Final = Counter(
    "homepot_mqtt_connections_lost_total", "Connections to the broker that broke or were replaced."
)
MQTT_DROPPED: Final = Gauge(
    "homepot_mqtt_broker_dropped_messages",
    "Messages the broker has thrown away since this process began to watch it.",
)
MQTT_ACCOUNTS: Final = Counter(
    "homepot_mqtt_account_changes_total",
    "Devices' accounts at the broker: issued, unconfirmed, removed, lost, or a stranger.",
    ["outcome"],
)
MQTT_STORED: Final = Gauge("homepot_mqtt_broker_stored_messages", "Messages that the broker holds.")
PRESENCE_STORE_FAILURES: Final = Counter(
    "homepot_presence_store_failures_total", "Questions the presence store did not answer."
)
NOTIFICATIONS: Final = Counter(
    "homepot_notification_attempts_total",
    "Attempts to deliver a notification: delivered, failed, or dead (given up).",
    ["outcome"],
)
HINTS_LOST: Final = Counter(
    "homepot_hints_lost_total", "Hints that never reached the bus; readers pull instead."
)
AUDIT_CHAINS_BROKEN: Final = Gauge(
    "homepot_audit_chains_broken", "Chains of the audit log that were found not to hold."
)
