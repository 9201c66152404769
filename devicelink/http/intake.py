"""From the body of a call to readings, and from what became of them to the body of the answer.

Both doors of the route go through here: the raw one and the view that is its reference.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from edge.protocol import codec, limits
from edge.protocol.errors import TOO_LARGE, ProtocolError
from edge.protocol.messages import RejectedReading, Telemetry
from kernel import errors
from telemetry.types import NOTHING_ACKED, SENT_ONCE, Acknowledgement

MAX_KEY_LENGTH: Final = 255
# What begins like this no device may send: the server made it up.
_MADE_HERE = "~"
_GZIP = 16 + zlib.MAX_WBITS


def takes_encoding(encoding: str) -> bool:
    """Whether a body of this Content-Encoding can be read."""
    return encoding.strip().lower() in {"", "identity", "gzip"}


def read(body: bytes, *, encoding: str = "", idempotency_key: str | None = None) -> Telemetry:
    """The readings of a body.

    A device without a counter sends no `boot_id`; its readings are numbered here, under a boot id
    of their own. That one is made from the Idempotency-Key and the body where there is a key, so
    that the same call sent again brings nothing new; without a key every call is news.

    Raises PayloadTooLarge, UnsupportedMediaType, and ValidationFailed for a body that is no
    batch of readings at all; single bad readings are verdicts of the result.
    """
    plain = _inflated(body, encoding)
    try:
        telemetry = codec.decode_readings(plain)
    except ProtocolError as error:
        if error.code == TOO_LARGE:
            raise errors.PayloadTooLarge from None
        named = error.field.lstrip("/") or "body"
        raise errors.ValidationFailed(details={named: [error.reason or error.message]}) from None
    if telemetry.boot_id:
        return telemetry
    return replace(telemetry, boot_id=_made_boot_id(plain, idempotency_key))


def accepted_body(
    telemetry: Telemetry, acknowledgement: Acknowledgement, now: datetime
) -> dict[str, Any]:
    """What is answered once the readings are committed.

    Raises ValidationFailed, with the same verdicts, where there was not one good reading.
    """
    verdicts = _verdicts(telemetry.rejected)
    acked_seq = _acked_seq(acknowledgement)
    if not telemetry.readings:
        raise errors.ValidationFailed(
            "None of the readings can be used.",
            details={"readings": verdicts, "acked_seq": acked_seq},
        )
    return {
        "stored": acknowledgement.stored,
        "duplicates": acknowledgement.duplicates,
        "rejected": verdicts,
        "acked_seq": acked_seq,
        "server_time": codec.format_moment(now),
    }


def _inflated(body: bytes, encoding: str) -> bytes:
    if not takes_encoding(encoding):
        raise errors.UnsupportedMediaType("Send the body as it is, or with gzip.")
    if encoding.strip().lower() != "gzip":
        return body
    # Stops at the limit: what a bomb would have grown to is never made.
    inflater = zlib.decompressobj(_GZIP)
    try:
        plain = inflater.decompress(body, limits.MAX_HTTP_INFLATED_BYTES + 1)
    except zlib.error:
        raise errors.ValidationFailed(details={"body": ["not_gzip"]}) from None
    if len(plain) > limits.MAX_HTTP_INFLATED_BYTES:
        raise errors.PayloadTooLarge
    if not inflater.eof or inflater.unused_data:
        raise errors.ValidationFailed(details={"body": ["not_gzip"]})
    return plain


def _made_boot_id(body: bytes, idempotency_key: str | None) -> str:
    if idempotency_key is None:
        return SENT_ONCE + secrets.token_hex(16)
    if not 1 <= len(idempotency_key) <= MAX_KEY_LENGTH or not idempotency_key.isprintable():
        raise errors.ValidationFailed(
            details={"Idempotency-Key": ["1 to 255 printable characters."]}
        )
    digest = hashlib.sha256(f"{len(idempotency_key)}:{idempotency_key}:".encode())
    digest.update(body)
    return _MADE_HERE + digest.hexdigest()[:32]


def _acked_seq(acknowledgement: Acknowledgement) -> int | None:
    if acknowledgement.boot_id.startswith(_MADE_HERE):
        return None
    seq = acknowledgement.acked_seq
    return None if seq == NOTHING_ACKED else seq


def _verdicts(rejected: Sequence[RejectedReading]) -> list[dict[str, Any]]:
    return [
        {"index": verdict.index, "seq": verdict.seq, "reason": verdict.reason}
        for verdict in rejected
    ]
