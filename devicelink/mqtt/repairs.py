"""What the broker has beside what it should have, and the commands between the two. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from devicelink.mqtt import dynsec
from kernel.broker_accounts import USERNAME_PREFIX

Command = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the plugin lists: clients with their binding and roles, and roles with their rules."""

    clients: Mapping[str, Mapping[str, Any]]
    roles: Mapping[str, Mapping[str, Any]]
    access: Mapping[str, bool]

    @classmethod
    def read(
        cls,
        *,
        clients: Iterable[Mapping[str, Any]],
        roles: Iterable[Mapping[str, Any]],
        access: Iterable[Mapping[str, Any]],
    ) -> Found:
        """The lists as the plugin sends them."""
        return cls(
            clients={client["username"]: client for client in clients},
            roles={role["rolename"]: role for role in roles},
            access={rule["acltype"]: bool(rule["allow"]) for rule in access},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Repairs:
    """Commands that bring the broker to where it should be, and what no command can bring back."""

    commands: list[Command] = field(default_factory=list)
    # Roles of accounts that were removed in good order.
    sweeping: list[Command] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)


def repairs(*, found: Found, confirmed: Collection[str], living: Collection[str]) -> Repairs:
    """How to get from what was found to the accounts that hold.

    `confirmed` are those the broker had confirmed before it was looked at; `living`, read after
    it was looked at, also those on their way to it. What is named like a device's and is neither
    goes; other names are not ours to touch.
    """
    ours = {name for name in found.clients if name.startswith(USERNAME_PREFIX)}
    own_roles = {name for name in found.roles if name.startswith(USERNAME_PREFIX)}
    strangers = sorted(ours.difference(living))
    kept = sorted(ours.intersection(living, confirmed))
    commands = [*_access(found), *_shared_roles(found)]
    commands += [delete_client(name) for name in strangers]
    for name in kept:
        commands += _device(found, name)
    return Repairs(
        commands=commands,
        sweeping=[delete_role(name) for name in sorted(own_roles.difference(living))],
        strangers=strangers,
        missing=sorted(set(confirmed).difference(ours)),
        present=kept,
    )


def delete_client(username: str) -> Command:
    """Remove an account; whoever is connected with it is thrown out."""
    return {"command": "deleteClient", "username": username}


def delete_role(name: str) -> Command:
    """Remove a role."""
    return {"command": "deleteRole", "rolename": name}


def create_role(name: str, rules: tuple[dynsec.Rule, ...]) -> Command:
    """Make a role."""
    acls = [rule.as_json() for rule in rules]
    return {"command": "createRole", "rolename": name, "acls": acls}


def put_account(verb: str, *, uid: str, username: str, password: str | None = None) -> Command:
    """Make (`createClient`) or set right (`modifyClient`) a device's account."""
    command: Command = {
        "command": verb,
        "username": username,
        "clientid": uid,
        "roles": dynsec.role_entries(dynsec.roles_of(username)),
    }
    return command if password is None else command | {"password": password}


def _access(found: Found) -> list[Command]:
    if all(found.access.get(kind) == allow for kind, allow in dynsec.DEFAULT_ACCESS.items()):
        return []
    acls = [{"acltype": kind, "allow": allow} for kind, allow in dynsec.DEFAULT_ACCESS.items()]
    return [{"command": "setDefaultACLAccess", "acls": acls}]


def _shared_roles(found: Found) -> list[Command]:
    # The control account's own role is left alone: changing it throws this very client out.
    roles = {k: v for k, v in dynsec.shared_roles().items() if k != dynsec.ADMIN_ROLE}
    return [command for name, rules in roles.items() for command in _role(found, name, rules)]


def _device(found: Found, username: str) -> list[Command]:
    uid = username.removeprefix(USERNAME_PREFIX)
    commands = _role(found, username, dynsec.own_rules(uid))
    client = found.clients[username]
    has = [(role["rolename"], role.get("priority", 0)) for role in client.get("roles", [])]
    wanted = [
        (role["rolename"], role["priority"])
        for role in dynsec.role_entries(dynsec.roles_of(username))
    ]
    if client.get("clientid") != uid or sorted(has) != sorted(wanted) or client.get("groups"):
        commands.append(put_account("modifyClient", uid=uid, username=username))
    return commands


def _role(found: Found, name: str, rules: tuple[dynsec.Rule, ...]) -> list[Command]:
    if name not in found.roles:
        return [create_role(name, rules)]
    has = {
        dynsec.Rule(acl["acltype"], acl["topic"], bool(acl["allow"]))
        for acl in found.roles[name].get("acls", [])
    }
    if has == set(rules):
        return []
    return [create_role(name, rules) | {"command": "modifyRole"}]
