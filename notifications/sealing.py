"""Secrets the server must be able to use again: encrypted at rest under the installation's key.

What is sealed for one purpose and context opens for no other (HKDF-SHA-256, AES-256-GCM). Pure.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE = b"homepot webhook secret v1"
_NONCE_BYTES = 12


class CannotOpen(ValueError):
    """The installation's key is not the one this was sealed under, or the bytes were changed."""


def seal(secret: str, *, key: str, context: str) -> bytes:
    """The secret, readable under this key and with this context only."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, secret.encode(), context.encode())


def unseal(sealed: bytes, *, key: str, context: str) -> str:
    """What was sealed. Raises CannotOpen."""
    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return _cipher(key).decrypt(nonce, body, context.encode()).decode()
    except (InvalidTag, ValueError):
        raise CannotOpen("another key or context, or changed bytes") from None


def _cipher(key: str) -> AESGCM:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return AESGCM(derive.derive(key.encode()))
