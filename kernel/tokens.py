"""Random tokens, their digests and codes that people type."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from django.conf import settings

# Crockford base32: no I, L, O, U, so that a printed code cannot be misread.
CROCKFORD_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CROCKFORD_READ = str.maketrans({"O": "0", "I": "1", "L": "1"})


def new_token(nbytes: int = 32) -> str:
    """A URL-safe random token of `nbytes` bytes."""
    return secrets.token_urlsafe(nbytes)


def new_public_id(nbytes: int = 9) -> str:
    """A short random public id out of `[A-Za-z0-9]`, safe in URLs and MQTT topics."""
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(nbytes * 4 // 3))


def new_code(length: int = 8) -> str:
    """A random code in Crockford base32; 8 characters are 40 bits."""
    return "".join(secrets.choice(CROCKFORD_ALPHABET) for _ in range(length))


def normalise_code(typed: str) -> str:
    """What a person typed, as Crockford reads it: upper case, no dashes, O is 0, I and L are 1."""
    return typed.strip().upper().replace("-", "").replace(" ", "").translate(_CROCKFORD_READ)


def digest(token: str) -> str:
    """SHA-256 of a token that is itself at least 128 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def keyed_digest(purpose: str, value: str) -> str:
    """HMAC-SHA-256 under this installation's key, for short values a stranger could try out."""
    key = f"{settings.SECRET_KEY}|{purpose}".encode()
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()
