"""The words of the permission matrix: for whom a route is open, and what its path names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Access = Literal["public", "device", "provision", "user", "staff", "metrics"]
LeastRole = Literal["viewer", "operator", "admin", "owner"]
# What a path names; `none` names nothing, or nothing that belongs to anyone.
Names = Literal[
    "none",
    "device",
    "site",
    "group",
    "command",
    "command_batch",
    "ir_code",
    "command_kind",
    "login_session",
    "export",
    "provisioning_key",
    "enrolment",
    "transfer",
    "invitation",
    "member",
    "tenant",
    "erasure",
    "account_erasure",
    "presence_policy",
    "maintenance_window",
    "notification_channel",
    "set_aside",
    "user",
]


@dataclass(frozen=True, slots=True)
class Row:
    """For whom a route is open, from which role on (None: it asks for none), and what it names.

    `is_whole`: it changes what is the whole tenant's, so not for who is limited to sites.
    """

    access: Access
    least: LeastRole | None = None
    names: Names = "none"
    is_whole: bool = False


def may(least: LeastRole | None, names: Names = "none", *, is_whole: bool = False) -> Row:
    """A route for signed-in users from a role on."""
    return Row("user", least, names, is_whole)
