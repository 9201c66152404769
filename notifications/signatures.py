"""Signatures of webhooks as Standard Webhooks 1.0 has them (standardwebhooks.com). Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
_BYTES: Final = 32


def new_secret() -> str:
    """A secret of 256 random bits, as both sides write it down."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode("ascii")


def headers(
    *, message_id: str, timestamp: int, body: bytes, secrets: Sequence[str]
) -> dict[str, str]:
    """The three headers; with several secrets one signature each, so that either still holds."""
    signed = [signature(message_id, timestamp, body, secret) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signed),
    }


def signature(message_id: str, timestamp: int, body: bytes, secret: str) -> str:
    """`v1,` and the HMAC-SHA-256 of id, time and body under the secret."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    message = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode("ascii")
