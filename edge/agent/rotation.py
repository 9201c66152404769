"""A new key in place of the old one: proved at the server first, and never in place of nothing.

The candidate is on disk before the server hears of it, because the proof may end the old key.
"""

from http import HTTPStatus
from pathlib import Path
from typing import Final

from edge.agent import durable_file, identity, server
from edge.agent.errors import AccessRefused, ConfigurationInvalid, ServerUnavailable
from edge.agent.identity import Identity
from edge.protocol import strict_json
from edge.protocol.limits import MAX_TOKEN_CHARS

PATH: Final = "/api/v1/devices/self"
CANDIDATE_FILE: Final = "rotation.json"
UNPAIRED: Final = "device_unpaired"


def rotate(directory: Path, me: Identity, *, key: str, url: str) -> None:
    """Make this the device's key, if the server accepts it; otherwise the old one stays.

    Raises ``ConfigurationInvalid`` for what cannot be a key, ``AccessRefused`` when the server
    refuses it, ``ServerUnavailable`` when that is not known: repeating it is safe.
    """
    if not (0 < len(key) <= MAX_TOKEN_CHARS and key.isascii() and key.isprintable()):
        raise ConfigurationInvalid("what was given is no key; the old one stays in use")
    if key == me.device_token:
        return
    candidate = {"device_uid": me.device_uid, "device_token": key}
    with durable_file.exclusive(directory):
        durable_file.write(directory / CANDIDATE_FILE, strict_json.dumps(candidate))
    if not is_accepted(url, me.device_uid, key):
        durable_file.remove(directory / CANDIDATE_FILE)
        raise AccessRefused("the server does not accept the new key; the old one stays in use")
    _take_over(directory, me.device_uid, key)


def take_over_candidate(directory: Path, me: Identity, *, url: str) -> Identity | None:
    """Return this device with the key of a rotation that was cut short, or None without one.

    Called when the old key is refused: the proof may have reached the server although whoever
    gave it never heard so. Raises ``ServerUnavailable`` when the server cannot tell now.
    """
    key = _candidate(directory, me)
    if key is None or not is_accepted(url, me.device_uid, key):
        return None
    _take_over(directory, me.device_uid, key)
    return identity.load(directory)


def is_accepted(url: str, uid: str, key: str) -> bool:
    """Say whether the server takes this key for this device; raises ``ServerUnavailable``."""
    answer = ask(url, uid, key)
    if answer.status == HTTPStatus.OK and answer.members.get("uid") == uid:
        return True
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return False
    raise ServerUnavailable(
        f"the server did not say whether it accepts the key (HTTP {answer.status} {answer.code})",
        retry_after=answer.retry_after,
    )


def ask(url: str, uid: str, key: str) -> server.Answer:
    """Return what the server answers to a device that asks who it is."""
    return server.call("GET", url, PATH, headers={"X-Device-ID": uid, "X-API-Key": key})


def _take_over(directory: Path, uid: str, key: str) -> None:
    if not identity.replace_key(directory, device_uid=uid, key=key):
        raise AccessRefused("this machine became another device meanwhile; the key was not stored")
    durable_file.remove(directory / CANDIDATE_FILE)


def _candidate(directory: Path, me: Identity) -> str | None:
    text = durable_file.read(directory / CANDIDATE_FILE)
    if text is None:
        return None
    try:
        plain = strict_json.loads(text)
        uid, key = plain["device_uid"], plain["device_token"]
    except (strict_json.StrictJSONError, TypeError, KeyError):
        return None
    return str(key) if uid == me.device_uid and key != me.device_token else None
