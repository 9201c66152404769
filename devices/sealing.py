"""Secrets that the server writes down and cannot read back: only a passphrase opens them.

The passphrase is stretched (scrypt) into an X25519 private key, of which the server keeps the
public half and the salt. Each secret is sealed to it under an ephemeral key of its own (X25519,
HKDF-SHA-256, AES-256-GCM): whoever has the database and the process, but not the passphrase, has
nothing. Pure functions.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

# Crockford base32, as in printed codes: nothing that can be misread.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_GROUPS, _GROUP_LENGTH = 6, 4
# 16 MiB and about 50 ms. The passphrase has 120 random bits: what guards it is its length.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**14, 8, 1
_KEY_BYTES = 32
# The key of a sealed secret is used once, so its nonce may be the same every time.
_NONCE = bytes(12)
_PURPOSE = b"homepot sealed secret v1"


class CannotOpen(ValueError):
    """The key is not the one this was sealed to, or the sealed bytes were changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seal:
    """What the server keeps: enough to seal and to recognise the passphrase, not to open."""

    public_key: bytes
    salt: bytes


def new_passphrase() -> str:
    """A random passphrase of 120 bits, as people type it: `XXXX-XXXX-XXXX-XXXX-XXXX-XXXX`."""
    groups = (
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    )
    return "-".join(groups)


def new_seal(passphrase: str) -> Seal:
    """The seal that this passphrase opens; each call makes another one."""
    salt = os.urandom(16)
    return Seal(public_key=_public(_stretched(passphrase, salt)), salt=salt)


def unlock(passphrase: str, seal: Seal) -> X25519PrivateKey:
    """The key that opens what was sealed. Raises CannotOpen for another passphrase."""
    private = _stretched(passphrase, seal.salt)
    if not hmac.compare_digest(_public(private), seal.public_key):
        raise CannotOpen("another passphrase")
    return private


def seal_secret(secret: bytes, *, public_key: bytes, context: bytes) -> bytes:
    """The secret, readable for the holder of the passphrase and together with this context only."""
    ephemeral = X25519PrivateKey.generate()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public_key))
    own = _public(ephemeral)
    return own + _cipher(shared, own + public_key).encrypt(_NONCE, secret, context)


def open_secret(sealed: bytes, *, private_key: X25519PrivateKey, context: bytes) -> bytes:
    """What was sealed. Raises CannotOpen for a wrong key or context, or changed bytes."""
    own, body = sealed[:_KEY_BYTES], sealed[_KEY_BYTES:]
    try:
        shared = private_key.exchange(X25519PublicKey.from_public_bytes(own))
        return _cipher(shared, own + _public(private_key)).decrypt(_NONCE, body, context)
    except (InvalidTag, ValueError):
        raise CannotOpen("a wrong key or context, or changed bytes") from None


def _stretched(passphrase: str, salt: bytes) -> X25519PrivateKey:
    stretch = Scrypt(salt=salt, length=_KEY_BYTES, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P)
    return X25519PrivateKey.from_private_bytes(stretch.derive(passphrase.encode()))


def _public(private: X25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()


def _cipher(shared: bytes, both: bytes) -> AESGCM:
    derive = HKDF(algorithm=SHA256(), length=32, salt=both, info=_PURPOSE)
    return AESGCM(derive.derive(shared))
