"""Access tokens: what is in one, how it is signed, and everything that makes one invalid.

Pure: keys and time come in as parameters. The token's own header chooses nothing but which of
our keys to try; it must have exactly the members we write, so `jku`, `jwk`, `x5u` or `crit`
never reach a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import jwt

ALGORITHM: Final = "HS256"
ISSUER: Final = "homepot"
AUDIENCE: Final = "homepot-api"
TYPE: Final = "access"
LEEWAY_SECONDS: Final = 5
MAX_TOKEN_LENGTH: Final = 2048
_HEADER_MEMBERS = frozenset({"alg", "typ", "kid"})
_CLAIMS = ("iss", "aud", "typ", "sub", "sid", "ver", "iat", "exp")


class InvalidAccessToken(Exception):
    """The token was not issued by us, or its time is over."""


class InvalidKeyRing(ValueError):
    """The text of the signing keys is not `kid:secret,kid2:secret2`."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Signing keys by id; the first signs, all of them verify."""

    signing_kid: str
    keys: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessClaims:
    """What an access token says: which session of which user, as of which token version."""

    user_uid: str
    session_uid: str
    token_version: int


@lru_cache(maxsize=4)
def key_ring(text: str) -> KeyRing:
    """Read `kid:secret,kid2:secret2`; raises InvalidKeyRing."""
    keys: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        kid, _, secret = pair.partition(":")
        if not kid or not secret or kid in keys:
            raise InvalidKeyRing("Signing keys are written kid:secret, each kid once.")
        keys[kid] = secret
    if not keys:
        raise InvalidKeyRing("There is no signing key.")
    return KeyRing(next(iter(keys)), MappingProxyType(keys))


def sign(claims: AccessClaims, *, ring: KeyRing, now: datetime, lifetime: timedelta) -> str:
    """An access token with these claims that is valid for `lifetime`."""
    issued_at = int(now.timestamp())
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "typ": TYPE,
        "sub": claims.user_uid,
        "sid": claims.session_uid,
        "ver": claims.token_version,
        "iat": issued_at,
        "exp": issued_at + int(lifetime.total_seconds()),
    }
    secret = ring.keys[ring.signing_kid]
    return jwt.encode(payload, secret, algorithm=ALGORITHM, headers={"kid": ring.signing_kid})


def verify(token: str, *, ring: KeyRing, now: datetime) -> AccessClaims:
    """The claims of a token that we issued and whose time is not over.

    Raises InvalidAccessToken whatever is wrong with it.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise InvalidAccessToken("too long")
    try:
        secret = _secret_for(jwt.get_unverified_header(token), ring)
        payload = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            # Time is compared below, against the `now` of the request.
            options={"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False},
        )
    # A header is parsed before its signature is known: it may be nested as deep as it is long.
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise InvalidAccessToken(type(error).__name__) from None
    _require_time(payload, now)
    return _claims_of(payload)


def _secret_for(header: Mapping[str, Any], ring: KeyRing) -> str:
    if header.keys() != _HEADER_MEMBERS or header["alg"] != ALGORITHM or header["typ"] != "JWT":
        raise InvalidAccessToken("header")
    kid = header["kid"]
    if not isinstance(kid, str) or kid not in ring.keys:
        raise InvalidAccessToken("kid")
    return ring.keys[kid]


def _require_time(payload: Mapping[str, Any], now: datetime) -> None:
    issued_at, expires_at = payload["iat"], payload["exp"]
    if type(issued_at) is not int or type(expires_at) is not int:
        raise InvalidAccessToken("time")
    moment = now.timestamp()
    if expires_at + LEEWAY_SECONDS <= moment or issued_at - LEEWAY_SECONDS > moment:
        raise InvalidAccessToken("time")


def _claims_of(payload: Mapping[str, Any]) -> AccessClaims:
    user_uid, session_uid, version = payload["sub"], payload["sid"], payload["ver"]
    if (
        payload["typ"] != TYPE
        or payload["aud"] != AUDIENCE
        or not isinstance(user_uid, str)
        or not isinstance(session_uid, str)
        or type(version) is not int
    ):
        raise InvalidAccessToken("claims")
    return AccessClaims(user_uid=user_uid, session_uid=session_uid, token_version=version)
