"""Access tokens that were not issued by us, or not for this, or not any more."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import signing
from accounts.models import User
from accounts.services import lifecycle, sessions
from accounts.types import LoggedIn
from kernel.actors import Actor
from tests.accounts import people

ME = "/api/v1/auth/me"
KEY = signing.key_ring(settings.JWT_KEYS).keys["t1"]
OLD_KEY = signing.key_ring(settings.JWT_KEYS).keys["t0"]
WRONG_KEY = "an attacker's own key, long enough to look right"
Claims = dict[str, Any]


def _claims(session: LoggedIn, **change: Any) -> Claims:
    now = int(time.time())
    claims: Claims = {
        "iss": "homepot",
        "aud": "homepot-api",
        "typ": "access",
        "sub": session.user.uid,
        "sid": session.session.uid,
        "ver": session.user.token_version,
        "iat": now,
        "exp": now + 600,
        **change,
    }
    return {name: value for name, value in claims.items() if value is not ...}


def _token(
    claims: Claims, key: str = KEY, header: dict[str, Any] | None = None, algorithm: str = "HS256"
) -> str:
    """Signed by hand, so that nothing refuses to build it."""
    full = {"alg": algorithm, "typ": "JWT", "kid": "t1", **(header or {})}
    full = {name: value for name, value in full.items() if value is not ...}
    signed = f"{_b64(json.dumps(full).encode())}.{_b64(json.dumps(claims).encode())}"
    return f"{signed}.{_b64(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())}"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _with_header(**header: Any) -> Callable[[LoggedIn], str]:
    return lambda session: _token(_claims(session), header=header)


def _with_claims(**change: Any) -> Callable[[LoggedIn], str]:
    return lambda session: _token(_claims(session, **change))


def _unsigned(session: LoggedIn) -> str:
    return jwt.encode(_claims(session), "", algorithm="none", headers={"kid": "t1"})


def _other_hash(name: str) -> Callable[[LoggedIn], str]:
    key = KEY * 2
    return lambda session: jwt.encode(_claims(session), key, algorithm=name, headers={"kid": "t1"})


def _signed_rs256(session: LoggedIn) -> str:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(_claims(session), private, algorithm="RS256", headers={"kid": "t1"})


def _tampered_payload(session: LoggedIn) -> str:
    header, _, signature = _token(_claims(session)).split(".")
    payload = _b64(json.dumps(_claims(session, ver=99)).encode())
    return f"{header}.{payload}.{signature}"


def _signature_flipped(session: LoggedIn) -> str:
    token = _token(_claims(session))
    return token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]


def _signature_missing(session: LoggedIn) -> str:
    return _token(_claims(session)).rsplit(".", 1)[0] + "."


def _two_parts(session: LoggedIn) -> str:
    return _token(_claims(session)).rsplit(".", 1)[0]


def _refresh_token(session: LoggedIn) -> str:
    return people.tokens_of(session).refresh_token


def _of_another_users_session(session: LoggedIn) -> str:
    other = people.sign_in(people.make_user("eve@example.com"))
    return _token(_claims(session, sid=other.session.uid))


def _of_another_user(session: LoggedIn) -> str:
    return _token(_claims(session, sub=people.make_user("eve@example.com").uid))


def _with_the_primary_keys(session: LoggedIn) -> str:
    return _token(_claims(session, sub=str(session.user.pk), sid=str(session.session.pk)))


def _of_an_ended_session(session: LoggedIn) -> str:
    actor = Actor(kind="user", id="x", label="x", user_id=session.user.pk)
    sessions.end_session(session_uid=session.session.uid, actor=actor, now=timezone.now())
    return people.tokens_of(session).access_token


def _of_a_deactivated_user(session: LoggedIn) -> str:
    lifecycle.deactivate_user(
        user_id=session.user.pk, actor=Actor.system("test"), now=timezone.now()
    )
    return people.tokens_of(session).access_token


def _of_an_older_token_version(session: LoggedIn) -> str:
    User.objects.filter(pk=session.user.pk).update(token_version=2)
    return people.tokens_of(session).access_token


def _of_a_deleted_session(session: LoggedIn) -> str:
    session.session.delete()
    return people.tokens_of(session).access_token


FORGED: dict[str, Callable[[LoggedIn], str]] = {
    "alg none": _unsigned,
    "alg None, signed": _with_header(alg="None"),
    "alg nOnE, signed": _with_header(alg="nOnE"),
    "alg RS256 in the header of an HMAC": _with_header(alg="RS256"),
    "alg HS512 in the header of an HS256": _with_header(alg="HS512"),
    "alg missing": _with_header(alg=...),
    "alg a list": _with_header(alg=["HS256"]),
    "really HS384": _other_hash("HS384"),
    "really HS512": _other_hash("HS512"),
    "really RS256": _signed_rs256,
    "typ missing in the header": _with_header(typ=...),
    "typ of another kind of token": _with_header(typ="dpop+jwt"),
    "wrong key": lambda session: _token(_claims(session), key=WRONG_KEY),
    "empty key": lambda session: _token(_claims(session), key=""),
    "SECRET_KEY as key": lambda session: _token(_claims(session), key=settings.SECRET_KEY),
    "a known kid with another kid's key": lambda s: _token(_claims(s), key=OLD_KEY),
    "kid unknown": _with_header(kid="t9"),
    "kid missing": _with_header(kid=...),
    "kid empty": _with_header(kid=""),
    "kid null": _with_header(kid=None),
    "kid a number": _with_header(kid=1),
    "kid a list": _with_header(kid=["t1"]),
    "kid a path": lambda s: _token(_claims(s), key="", header={"kid": "../../../dev/null"}),
    "kid an SQL injection": _with_header(kid="t1' OR '1'='1"),
    "jku": _with_header(jku="https://evil.example/keys.json"),
    "jwk": _with_header(jwk={"kty": "oct", "k": _b64(WRONG_KEY.encode())}),
    "x5u": _with_header(x5u="https://evil.example/cert.pem"),
    "crit": _with_header(crit=["exp"]),
    "b64 false": _with_header(b64=False),
    "exp missing": _with_claims(exp=...),
    "exp past": _with_claims(exp=int(time.time()) - 3600),
    "exp a text": _with_claims(exp="9999999999"),
    "exp infinite": _with_claims(exp=float("inf")),
    "exp a boolean": _with_claims(exp=True),
    "iat missing": _with_claims(iat=...),
    "iat in the future": _with_claims(iat=int(time.time()) + 3600),
    "nbf in the future": _with_claims(nbf=int(time.time()) + 3600),
    "aud wrong": _with_claims(aud="another-api"),
    "aud missing": _with_claims(aud=...),
    "aud a list with ours": _with_claims(aud=["homepot-api", "another-api"]),
    "iss wrong": _with_claims(iss="https://evil.example"),
    "iss missing": _with_claims(iss=...),
    "typ refresh": _with_claims(typ="refresh"),
    "typ missing": _with_claims(typ=...),
    "sub missing": _with_claims(sub=...),
    "sub a number": _with_claims(sub=1),
    "sub of another user": _of_another_user,
    "sid missing": _with_claims(sid=...),
    "sid of another user": _of_another_users_session,
    "sid unknown": _with_claims(sid="nothing"),
    "primary keys in place of public ids": _with_the_primary_keys,
    "ver missing": _with_claims(ver=...),
    "ver newer": _with_claims(ver=2),
    "ver a text": _with_claims(ver="1"),
    "ver a boolean": _with_claims(ver=True),
    "payload tampered with": _tampered_payload,
    "signature flipped": _signature_flipped,
    "signature missing": _signature_missing,
    "two parts": _two_parts,
    "a refresh token": _refresh_token,
    "no token at all": lambda _: "nonsense",
    "header nested too deep": lambda _: f"{_b64(b'[' * 1400)}.e30.e30",
    "header a list": lambda _: f"{_b64(b'[]')}.e30.e30",
    "header a huge number": lambda _: f"{_b64(b'1' * 1400)}.e30.e30",
    "header not UTF-8": lambda _: f"{_b64(bytes([0xFF, 0xFE]))}.e30.e30",
    "characters of no alphabet": lambda _: "é.ü.\x7f",
    "far too long": lambda session: _token(_claims(session, pad="x" * 4096)),
    "session ended": _of_an_ended_session,
    "session deleted": _of_a_deleted_session,
    "user deactivated": _of_a_deactivated_user,
    "token version older": _of_an_older_token_version,
}


@pytest.mark.core
@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_refused(session: LoggedIn, name: str) -> None:
    client = people.client_with(FORGED[name](session))

    response = client.get(ME)

    people.assert_refused(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_the_hand_made_token_is_right_when_nothing_about_it_is_wrong(session: LoggedIn) -> None:
    assert people.client_with(_token(_claims(session))).get(ME).status_code == 200


def test_a_key_that_no_longer_signs_still_verifies(session: LoggedIn) -> None:
    token = _token(_claims(session), key=OLD_KEY, header={"kid": "t0"})

    assert people.client_with(token).get(ME).status_code == 200


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YWRhOng=", "Token abc", "Bearer a b", "bearer\tx"]
)
def test_an_unusable_authorization_header_is_refused(api: APIClient, db: None, header: str) -> None:
    people.assert_refused(api.get(ME, HTTP_AUTHORIZATION=header), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("age", "is_valid"), [(599, True), (604, True), (605, False), (700, False)]
)
def test_a_token_lives_ten_minutes_and_no_more_than_five_seconds(
    session: LoggedIn, age: int, is_valid: bool
) -> None:
    ring, issued_at = signing.key_ring(settings.JWT_KEYS), timezone.now().replace(microsecond=0)
    claims = signing.AccessClaims(user_uid="u", session_uid="s", token_version=1)
    token = signing.sign(claims, ring=ring, now=issued_at, lifetime=timedelta(seconds=600))
    later = issued_at + timedelta(seconds=age)

    if is_valid:
        assert signing.verify(token, ring=ring, now=later) == claims
    else:
        with pytest.raises(signing.InvalidAccessToken):
            signing.verify(token, ring=ring, now=later)


@pytest.mark.parametrize("text", ["", "noseparator", ":secret", "kid:", "a:1,a:2", ","])
def test_a_key_ring_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(signing.InvalidKeyRing):
        signing.key_ring(text)


@pytest.mark.core
def test_authentication_is_one_query(
    session: LoggedIn, django_assert_num_queries: Callable[[int], Any]
) -> None:
    client = people.client_of(session)
    # One to authenticate, one for the memberships the answer shows.
    with django_assert_num_queries(2):
        assert client.get(ME).status_code == 200
