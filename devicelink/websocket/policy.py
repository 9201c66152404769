"""What a device socket is allowed, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from devices.services import credentials, presence
from edge.protocol.close_codes import CloseCode

# Messages read ahead of the worker; when they are full the socket is simply not read.
QUEUED_MESSAGES: Final = 64
# Telemetry read and not answered yet, of a socket: when it is too much that is not read either.
READINGS_HELD: Final = 512
READINGS_HELD_BYTES: Final = 64 * 1024
# Of all sockets of the process, in bytes as they came.
HELD_BYTES_OF_ALL: Final = 32 * 1024 * 1024
# Readings of a socket in one batch.
READINGS_TOGETHER: Final = 1_000
# A device that sends telemetry faster than this is read more slowly.
TELEMETRY_PER_SECOND: Final = 2_000.0
TELEMETRY_BURST: Final = 4_000.0
MESSAGES_PER_SECOND: Final = 50.0
MESSAGE_BURST: Final = 200.0
PROTOCOL_ERRORS_PER_MINUTE: Final = 20
BUGS_PER_MINUTE: Final = 5
AUTH_SECONDS: Final = 5.0
FAILED_LOGINS_PER_MINUTE: Final = credentials.FAILED_LOGINS_PER_MINUTE
# A document that the device has not taken over is told again after so long.
TOLD_AGAIN_S: Final = 300.0
# What is left to do for a device that has hung up.
DRAIN_SECONDS: Final = 5.0

NORMAL: Final = 1000
SERVICE_RESTART: Final = 1012


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a session ends: the close code, the reason kept with it, and an error frame if any."""

    code: int
    reason: str
    error: str = ""
    message: str = ""
    retry_after: float | None = None


GONE = Ending(NORMAL, "connection_closed")
SUPERSEDED = Ending(CloseCode.SUPERSEDED, "superseded")
REVOKED = Ending(CloseCode.BAD_CREDENTIALS, "credential_revoked")
UNPAIRED = Ending(CloseCode.UNPAIRED, "unpaired")
IDLE = Ending(CloseCode.AUTH_TIMEOUT, "idle")
RESTARTING = Ending(SERVICE_RESTART, "server_restart")
TOO_MANY_ERRORS = Ending(
    CloseCode.PROTOCOL_ERROR, "protocol_errors", "protocol_error", "Too many unusable frames."
)
TOO_LARGE = Ending(
    CloseCode.TOO_LARGE, "frame_too_large", "too_large", "A frame is at most 64 KiB."
)
TOO_FAST = Ending(
    CloseCode.TOO_MANY, "too_many_messages", "rate_limited", "Too many messages. Slow down.", 5
)


def unavailable(retry_after: float) -> Ending:
    """The server cannot do its part now; nothing that was not answered was done."""
    return Ending(
        CloseCode.TRY_AGAIN_LATER,
        "unavailable",
        "unavailable",
        "The service is not available right now. Try again shortly.",
        retry_after,
    )


def heartbeat_seconds(offline_after_s: int | None) -> int:
    """How often a device should speak: three chances before it counts as offline."""
    return presence.heartbeat_seconds(offline_after_s)
