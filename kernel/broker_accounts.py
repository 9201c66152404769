"""Accounts of devices at the MQTT broker: their names, and passwords as Mosquitto stores them."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass

# Whatever is named so at the broker is ours, and goes when no device has it.
USERNAME_PREFIX = "device-"

# What Mosquitto's plugin itself takes: the passwords are 256 random bits, stretching adds nothing.
_ITERATIONS = 101
_SALT_BYTES = 12
_HASH_BYTES = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordDigest:
    """PBKDF2-HMAC-SHA-512 of a password; salt and hash in base64, as the plugin's file has them."""

    salt: str
    iterations: int
    hash: str


def username_of(uid: str) -> str:
    """Name of a device's account."""
    return f"{USERNAME_PREFIX}{uid}"


def digest_password(password: str) -> PasswordDigest:
    """The digest that lets this password in, salted anew each time."""
    salt = os.urandom(_SALT_BYTES)
    stretched = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, _HASH_BYTES)
    return PasswordDigest(
        salt=base64.b64encode(salt).decode(),
        iterations=_ITERATIONS,
        hash=base64.b64encode(stretched).decode(),
    )
