"""What a session sent and the database will never take is kept apart, for people to look at."""

from __future__ import annotations

from dataclasses import replace

from django.utils import timezone

from edge.protocol import codec, topics
from edge.protocol.messages import Telemetry
from kernel import row_security
from telemetry.services import set_aside
from telemetry.services.set_aside import MAX_PAYLOAD_BYTES, NOT_STORED, Unusable


def keep(*, device_uid: str, telemetry: Telemetry, why: str) -> None:
    """Keep readings under the topic they would have on MQTT; runs on a database thread."""
    unusable = [
        Unusable(
            device_uid=device_uid,
            topic=topics.build(uid=device_uid, channel=topics.UpChannel.TELEMETRY),
            payload=payload,
            reason=NOT_STORED,
            detail=why,
        )
        for payload in _payloads(telemetry)
    ]
    # It is kept where what comes from the broker is kept, of whatever tenant.
    with row_security.platform_scope("telemetry.ingest"):
        set_aside.keep(unusable=unusable, now=timezone.now())


def _payloads(telemetry: Telemetry) -> list[bytes]:
    """The readings as frames, none of them larger than one that may come; ours may be longer."""
    frame = codec.encode(telemetry).encode()
    middle = len(telemetry.readings) // 2
    if len(frame) <= MAX_PAYLOAD_BYTES or not middle:
        return [frame]
    first, second = telemetry.readings[:middle], telemetry.readings[middle:]
    return [
        *_payloads(replace(telemetry, readings=first)),
        *_payloads(replace(telemetry, readings=second)),
    ]
