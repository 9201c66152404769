"""Asking the server for an identity, for the hardware as such or for a device of a site."""

import socket
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlsplit

from edge.agent import VERSION, agreements, identity, pending_registration, server, telemetry_store
from edge.agent.config import AgentConfig, default_device_id
from edge.agent.errors import AccessRefused, ServerUnavailable
from edge.agent.identity import Identity
from edge.agent.pending_registration import PendingRegistration
from edge.agent.server import Answer

PATH: Final = "/api/v1/provision/register"
RETURN_PATH: Final = "/api/v1/provision/return"
SITE_PATH: Final = "/api/v1/devices/sites/{site_id}/devices"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_NO_KEY = (
    "this machine is not provisioned yet: set DEVICE_PROVISION_KEY to the key of the server"
    " (on the server's machine: the file provision_key in its data directory, or its settings)"
    " or to a batch key"
)
_NO_KEY_FOR_SITE = (
    "this machine is not registered yet: set DEVICE_PROVISION_KEY to a batch key of the site,"
    " or HOMEPOT_ACCESS_TOKEN to an access token of somebody who may manage its devices"
)
_KEY_REFUSED = "the server does not accept the provisioning key in DEVICE_PROVISION_KEY"
_KEY_REFUSED_AT_SITE = (
    f"{_KEY_REFUSED} at this site: a site takes a batch key of its own tenant that has uses left"
    " (check --site; without that variable HOMEPOT_ACCESS_TOKEN is used)"
)
_PERSON_REFUSED = (
    "the server does not accept the access token in HOMEPOT_ACCESS_TOKEN: it ran out, or its"
    " owner may not manage the devices of this site"
)
_REFUSALS: Final = {
    401: _KEY_REFUSED,
    403: _KEY_REFUSED,
    404: "there is no Homepot at this address: check --url",
    426: "the server wants an encrypted connection: use https:// in --url",
}
_NO_SITE = "there is no such site for this key, or no Homepot at this address: check --site, --url"
# The second: a server that knows of no such way.
_NO_RETURN: Final = frozenset({401, 404})
_TRY_LATER: Final = frozenset({408, 425, 429})
# Each of these conflicts passes by itself; any other needs somebody to act.
_PASSING_CONFLICTS: Final = frozenset({"", "idempotency_in_progress", "idempotency_conflict"})


class AlreadyPaired(AccessRefused):
    """This hardware belongs to somebody and its key is not here."""


def register(config: AgentConfig, *, hardware_id: str, former: Identity | None = None) -> Identity:
    """Return a new identity for this machine; blocks for as long as the network takes.

    It becomes a device of the site that was asked for or that it was at before, else hardware
    with a claim code. The key of a life that ended goes along as proof of who asks. The caller
    stores the answer and then forgets the pending registration; until then, asking again gets
    the same answer. Raises ``AccessRefused`` when trying again cannot help and
    ``ServerUnavailable`` when it can.
    """
    site_id = config.site_id or (former.site_id if former else None)
    headers = _authority(config, site_id) | _proof(former)
    wanted = _pending(config, site_id, hardware_id, former)
    headers["Idempotency-Key"] = wanted.idempotency_key
    answer = server.call("POST", config.url, wanted.path, headers=headers, body=wanted.body)
    if answer.status in (HTTPStatus.OK, HTTPStatus.CREATED):
        fresh = _identity(config, hardware_id, site_id, answer)
        return replace(fresh, device_id=fresh.device_id or _text(wanted.body.get("device_id")))
    refusal = _refusal(answer, config, site_id)
    if isinstance(refusal, AccessRefused) or answer.code == "idempotency_conflict":
        pending_registration.forget(config.state_dir)
    raise refusal


def come_back(config: AgentConfig, former: Identity, *, idempotency_key: str) -> Identity | None:
    """Return the device this machine is since it was transferred, or None if it was not.

    Asks with the key of the life that ended; no provisioning key is needed. Of its place with the
    former owner nothing stays. The same ``idempotency_key`` gets a lost answer again. Raises
    ``ServerUnavailable`` for as long as the server has said neither.
    """
    headers = _proof(former) | {"Idempotency-Key": idempotency_key}
    answer = server.call("POST", config.url, RETURN_PATH, headers=headers)
    if answer.status == HTTPStatus.CREATED:
        return _identity(config, former.hardware_id, None, answer)
    if answer.status in _NO_RETURN:
        return None
    raise ServerUnavailable(
        f"the server did not say whose this machine is (HTTP {answer.status} {answer.code})",
        retry_after=answer.retry_after,
    )


def keep(config: AgentConfig, fresh: Identity, *, stored: Identity | None) -> None:
    """Store what a registration gave. No key of the old life goes before the new one is durable.

    Its unsent readings do go first: a new owner must never get what the former one measured.
    """
    is_new_life = stored is None or stored.device_uid != fresh.device_uid
    if is_new_life:
        telemetry_store.forget_readings(config.state_dir / telemetry_store.TELEMETRY_FILE)
        agreements.forget(config.state_dir)
    identity.save(config.state_dir, fresh)
    pending_registration.forget(config.state_dir)
    if is_new_life:
        identity.forget_former(config.state_dir)


def _authority(config: AgentConfig, site_id: str | None) -> dict[str, str]:
    if config.provision_key:
        return {"X-Provision-Key": config.provision_key}
    if site_id is None:
        raise AccessRefused(_NO_KEY)
    if not config.access_token:
        raise AccessRefused(_NO_KEY_FOR_SITE)
    return {"Authorization": f"Bearer {config.access_token}"}


def _proof(former: Identity | None) -> dict[str, str]:
    if former is None:
        return {}
    return {"X-Device-ID": former.device_uid, "X-API-Key": former.device_token}


def _pending(
    config: AgentConfig, site_id: str | None, hardware_id: str, former: Identity | None
) -> PendingRegistration:
    if site_id is None:
        path, body = PATH, _hardware(config, hardware_id)
    else:
        path = SITE_PATH.format(site_id=quote(site_id, safe=""))
        body = _site_device(config, former)
    return pending_registration.prepare(
        config.state_dir,
        url=config.url,
        path=path,
        former_uid=former.device_uid if former else None,
        body=body,
    )


def _hardware(config: AgentConfig, hardware_id: str) -> dict[str, Any]:
    return {
        "hardware_id": hardware_id,
        "device_class": config.device_class,
        "device_type": config.device_type,
        "model": config.name,
        "firmware_version": VERSION,
        "capabilities": _capabilities(config),
        "relay_count": config.relay_count,
        "is_simulated": False,
    }


def _site_device(config: AgentConfig, former: Identity | None) -> dict[str, Any]:
    known_as = former.device_id if former else None
    body = {
        "device_id": config.device_id or known_as or default_device_id(),
        "name": config.name,
        "device_type": config.device_type,
        "device_class": config.device_class,
        "capabilities": _capabilities(config),
        "relay_count": config.relay_count,
    }
    address = _own_address(config.url)
    return body if address is None else body | {"ip_address": address}


def _capabilities(config: AgentConfig) -> list[str]:
    relays = ["relay"] if config.relay_count else []
    infrared = ["infrared"] if config.infrared else []
    return [*relays, "telemetry", *infrared]


def _own_address(url: str) -> str | None:
    """Return the address this machine reaches the server from; nothing is sent to find out."""
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, target = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(target)
            return str(probe.getsockname()[0]).partition("%")[0]
    except OSError:
        return None


def _refusal(answer: Answer, config: AgentConfig, site_id: str | None) -> Exception:
    if answer.code == "already_paired":
        return AlreadyPaired(
            "this machine is already paired, but its key is not in the state directory:"
            " restore that directory, or unpair the device in Homepot and start again"
        )
    if answer.code == "already_registered":
        return AlreadyPaired(
            "another device goes by this device_id: give this machine its own with --device-id,"
            " or unpair the other one in Homepot"
        )
    if _is_passing(answer):
        return ServerUnavailable(
            f"the server asks to try again later (HTTP {answer.status} {answer.code})",
            retry_after=answer.retry_after,
        )
    sentence = _sentence(answer.status, config, site_id)
    return AccessRefused(
        sentence or f"the server refused to provision (HTTP {answer.status}): {answer.message}"
    )


def _is_passing(answer: Answer) -> bool:
    if answer.status == HTTPStatus.CONFLICT:
        return answer.code in _PASSING_CONFLICTS or answer.retry_after is not None
    return answer.status in _TRY_LATER or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _sentence(status: int, config: AgentConfig, site_id: str | None) -> str | None:
    if site_id is not None and status == HTTPStatus.NOT_FOUND:
        return _NO_SITE
    if site_id is not None and status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _KEY_REFUSED_AT_SITE if config.provision_key else _PERSON_REFUSED
    return _REFUSALS.get(status)


def _identity(
    config: AgentConfig, hardware_id: str, site_id: str | None, answer: Answer
) -> Identity:
    members = answer.members
    uid = _text(members.get("device_uid")) or _text(members.get("uid"))
    key = _text(members.get("device_token")) or _text(members.get("api_key"))
    if uid is None or key is None:
        raise ServerUnavailable("the server's answer holds no key; is this a Homepot address?")
    return Identity(
        server_url=config.url,
        hardware_id=hardware_id,
        device_uid=uid,
        device_token=key,
        ws_url=_socket_url(config, members.get("ws_url")),
        claim_code=_text(members.get("claim_code")),
        claim_expires_at=_text(members.get("claim_expires_at")),
        site_id=site_id,
        device_id=_text(members.get("device_id")),
    )


def _socket_url(config: AgentConfig, offered: object) -> str:
    # A server behind a proxy may not know its own address, and a key that came over TLS must not
    # leave again without it.
    if not isinstance(offered, str):
        return config.socket_url
    scheme = urlsplit(offered).scheme
    secure = config.url.startswith("https:")
    return offered if scheme == "wss" or (scheme == "ws" and not secure) else config.socket_url


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
