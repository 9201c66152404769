"""What the broker's dynamic security plugin should hold: accounts, roles, and its file. Pure.

Everything a device may do stands in two roles: `homepot-device`, which all devices share and which
only forbids, and one role of its own that opens its own topics. The plugin of Mosquitto 2.0 knows
no pattern for "the client's own name", hence one role per device.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edge.protocol import topics
from kernel.broker_accounts import PasswordDigest, username_of

DEVICE_ROLE = "homepot-device"
INGEST_ROLE = "homepot-ingest"
ADMIN_ROLE = "admin"
SHARE = "homepot-ingest"

DEFAULT_ACCESS = {
    "publishClientSend": False,
    "publishClientReceive": False,
    "subscribe": False,
    # A client may always give up what it has.
    "unsubscribe": True,
}


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """One line of a role; among the lines of one kind the highest priority decides."""

    kind: str
    topic: str
    is_allowed: bool = True

    def as_json(self) -> dict[str, Any]:
        """The rule as the plugin writes it."""
        return {"acltype": self.kind, "topic": self.topic, "allow": self.is_allowed}


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """An account of the broker with the digest of its password; `client_id` binds it to one."""

    username: str
    digest: PasswordDigest
    roles: tuple[str, ...]
    client_id: str | None = None


def own_rules(uid: str) -> tuple[Rule, ...]:
    """What a device's own role opens: everything below its own topic."""
    own = f"{topics.PREFIX}/{uid}/#"
    kinds = ("publishClientSend", "publishClientReceive", "subscribePattern")
    return tuple(Rule(kind, own) for kind in kinds)


def device_rules() -> tuple[Rule, ...]:
    """What no device may do under its own topic: speak as the server, and hear itself."""
    down = (Rule("publishClientSend", topics.subscription(c), False) for c in topics.DownChannel)
    up = (Rule("publishClientReceive", topics.subscription(c), False) for c in topics.UpChannel)
    return (*down, *up)


def ingest_rules() -> tuple[Rule, ...]:
    """What the server's account may do: read what devices say, write what they are told."""
    up = [topics.subscription(channel) for channel in topics.UpChannel]
    down = [topics.subscription(channel) for channel in topics.DownChannel]
    heard = [*up, "$SYS/broker/#"]
    return (
        *(Rule("publishClientSend", topic) for topic in down),
        *(Rule("publishClientReceive", topic) for topic in heard),
        *(Rule("subscribePattern", topic) for topic in heard),
        *(Rule("subscribePattern", f"$share/{SHARE}/{topic}") for topic in up),
    )


def admin_rules() -> tuple[Rule, ...]:
    """What the account of `MQTT_CONTROL_URL` may do: manage accounts, read counters."""
    control = "$CONTROL/dynamic-security/#"
    return (
        Rule("publishClientSend", control),
        *(
            Rule(kind, topic)
            for kind in ("publishClientReceive", "subscribePattern")
            for topic in (control, "$SYS/#")
        ),
    )


def shared_roles() -> dict[str, tuple[Rule, ...]]:
    """The roles that stand for themselves, whatever devices there are."""
    return {
        ADMIN_ROLE: admin_rules(),
        INGEST_ROLE: ingest_rules(),
        DEVICE_ROLE: device_rules(),
    }


def roles_of(username: str) -> tuple[str, ...]:
    """The roles of a device's account: the common prohibitions decide before its own topics."""
    return (DEVICE_ROLE, username)


def device_account(*, uid: str, digest: PasswordDigest) -> Account:
    """A device's account, good for its own client id only."""
    name = username_of(uid)
    return Account(username=name, digest=digest, roles=roles_of(name), client_id=uid)


def document(accounts: Iterable[Account]) -> str:
    """The plugin's file for these accounts, with the role of every device among them."""
    clients = []
    roles = shared_roles()
    for account in accounts:
        clients.append(_client(account))
        if account.client_id is not None:
            roles[account.username] = own_rules(account.client_id)
    content = {
        "clients": clients,
        "roles": [_role(name, rules) for name, rules in roles.items()],
        "defaultACLAccess": DEFAULT_ACCESS,
    }
    return json.dumps(content, separators=(",", ":"))


def role_entries(roles: tuple[str, ...]) -> list[dict[str, Any]]:
    """Roles as a client's entry lists them, the first one deciding first."""
    last = len(roles) - 1
    return [{"rolename": name, "priority": last - at} for at, name in enumerate(roles)]


def _client(account: Account) -> dict[str, Any]:
    client: dict[str, Any] = {
        "username": account.username,
        "password": account.digest.hash,
        "salt": account.digest.salt,
        "iterations": account.digest.iterations,
        "roles": role_entries(account.roles),
    }
    if account.client_id is not None:
        client["clientid"] = account.client_id
    return client


def _role(name: str, rules: tuple[Rule, ...]) -> dict[str, Any]:
    return {"rolename": name, "acls": [rule.as_json() for rule in rules]}
