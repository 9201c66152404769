"""Who may call what: one row per route and method. A route without a row fails the build.

A word says for whom a route is open:

public     anyone, without credentials
device     a device with its key
provision  whoever holds a provisioning key
user       a signed-in user; what they see is decided by their tenants
staff      the platform's administrators
metrics    the metrics token, or an address in METRICS_ALLOW

Where a tenant's rows are read or changed, the row also says the least role in that tenant and
what the path names: `may("admin", "device")`. The rules themselves are in the services; this is
what must come out, and tests/permissions calls every route as everyone to see that it does.
docs/permissions.md is made from it (`make permissions`).
"""

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
    "command",
    "login_session",
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
    """For whom a route is open, from which role on (None: it asks for none), and what it names."""

    access: Access
    least: LeastRole | None = None
    names: Names = "none"


def may(least: LeastRole | None, names: Names = "none") -> Row:
    """A route for signed-in users from a role on."""
    return Row("user", least, names)


def row_of(pattern: str, method: str) -> Row | None:
    """The row of a route, written in full or as a word."""
    given = ROWS.get((pattern, method)) or _by_prefix(pattern)
    return Row(given) if isinstance(given, str) else given


def _by_prefix(pattern: str) -> Access | None:
    if pattern in INSIDE_PREFIXES:
        return INSIDE_PREFIXES[pattern]
    return next((access for prefix, access in PREFIXES.items() if pattern.startswith(prefix)), None)


# Django's own administration: its routes come and go with the registered models.
PREFIXES: dict[str, Access] = {"admin/": "staff"}
# Exceptions inside a prefix. The administration has no login page: it sends to the product's own.
INSIDE_PREFIXES: dict[str, Access] = {"admin/login/": "user", "admin/logout/": "public"}

_V1 = "api/v1/"

ROWS: dict[tuple[str, str], Access | Row] = {
    # Health and documentation
    ("health", "GET"): "public",
    ("health/ready", "GET"): "public",
    ("metrics", "GET"): "metrics",
    ("api/schema/", "GET"): "public",
    ("api/docs/", "GET"): "public",
    # Accounts
    (f"{_V1}auth/register", "POST"): "public",
    (f"{_V1}auth/login", "POST"): "public",
    (f"{_V1}auth/refresh", "POST"): "public",
    (f"{_V1}auth/logout", "POST"): "user",
    (f"{_V1}auth/password", "POST"): "user",
    (f"{_V1}auth/me", "GET"): "user",
    (f"{_V1}auth/me", "PATCH"): "user",
    (f"{_V1}auth/sessions", "GET"): "user",
    (f"{_V1}auth/sessions", "DELETE"): "user",
    (f"{_V1}auth/sessions/<str:uid>", "DELETE"): may(None, "login_session"),
    (f"{_V1}auth/ws-ticket", "POST"): "user",
    (f"{_V1}auth/me/erase", "GET"): "user",
    (f"{_V1}auth/me/erase", "POST"): "user",
    (f"{_V1}auth/erasures/<str:uid>", "GET"): Row("public", None, "account_erasure"),
    (f"{_V1}preferences", "GET"): "user",
    (f"{_V1}preferences", "PATCH"): "user",
    # Tenants, members, invitations
    (f"{_V1}tenants", "GET"): "user",
    (f"{_V1}tenants", "POST"): "user",
    (f"{_V1}tenants/<str:uid>", "GET"): may("viewer", "tenant"),
    (f"{_V1}tenants/<str:uid>", "PATCH"): may("admin", "tenant"),
    (f"{_V1}tenants/<str:uid>/leave", "POST"): may("viewer", "tenant"),
    (f"{_V1}tenants/<str:uid>/hand-over", "POST"): may("owner", "tenant"),
    (f"{_V1}tenants/<str:uid>/members", "GET"): may("viewer", "tenant"),
    (f"{_V1}tenants/<str:uid>/members/<str:user_uid>", "PATCH"): may("admin", "member"),
    (f"{_V1}tenants/<str:uid>/members/<str:user_uid>", "DELETE"): may("admin", "member"),
    (f"{_V1}tenants/<str:uid>/invitations", "GET"): may("admin", "tenant"),
    (f"{_V1}tenants/<str:uid>/invitations", "POST"): may("admin", "tenant"),
    (f"{_V1}tenants/<str:uid>/invitations/<str:invitation_uid>", "DELETE"): may(
        "admin", "invitation"
    ),
    (f"{_V1}invitations/preview", "POST"): "user",
    (f"{_V1}invitations/accept", "POST"): "user",
    # The platform's administrators
    (f"{_V1}admin/users", "GET"): "staff",
    (f"{_V1}admin/users/<str:uid>", "GET"): Row("staff", None, "user"),
    (f"{_V1}admin/users/<str:uid>", "PATCH"): Row("staff", None, "user"),
    (f"{_V1}admin/tenants", "GET"): "staff",
    (f"{_V1}admin/devices", "GET"): "staff",
    # Devices
    (f"{_V1}provision/register", "POST"): "provision",
    # The key of a life that has ended.
    (f"{_V1}provision/return", "POST"): "device",
    (f"{_V1}devices", "GET"): may("viewer"),
    (f"{_V1}devices/claim", "POST"): may("admin"),
    (f"{_V1}enrolments", "GET"): may("viewer"),
    (f"{_V1}enrolments", "POST"): may("admin"),
    (f"{_V1}enrolments/<str:uid>", "GET"): may("admin", "enrolment"),
    (f"{_V1}enrolments/<str:uid>", "DELETE"): may("admin", "enrolment"),
    (f"{_V1}enrolments/<str:uid>/rows", "GET"): may("admin", "enrolment"),
    (f"{_V1}enrolments/<str:uid>/start", "POST"): may("admin", "enrolment"),
    (f"{_V1}enrolments/<str:uid>/keys", "POST"): may("admin", "enrolment"),
    (f"{_V1}devices/<str:uid>", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>", "PATCH"): may("operator", "device"),
    (f"{_V1}devices/<str:uid>", "DELETE"): may("admin", "device"),
    (f"{_V1}devices/<str:uid>/unpair", "POST"): may("admin", "device"),
    (f"{_V1}devices/<str:uid>/release", "POST"): may("admin", "device"),
    (f"{_V1}devices/<str:uid>/lives", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/token", "DELETE"): may("admin", "device"),
    (f"{_V1}devices/<str:uid>/rotate-token", "POST"): may("admin", "device"),
    (f"{_V1}devices/self", "GET"): "device",
    (f"{_V1}devices/self/mqtt", "POST"): "device",
    (f"{_V1}devices/self/mqtt", "DELETE"): "device",
    (f"{_V1}analytics/device-metrics", "POST"): "device",
    (f"{_V1}provisioning-keys", "GET"): may("admin"),
    (f"{_V1}provisioning-keys", "POST"): may("admin"),
    (f"{_V1}provisioning-keys/<str:uid>", "GET"): may("admin", "provisioning_key"),
    (f"{_V1}provisioning-keys/<str:uid>", "DELETE"): may("admin", "provisioning_key"),
    (f"{_V1}devices/<str:uid>/input-events", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/transfer", "POST"): may("admin", "device"),
    (f"{_V1}transfers", "GET"): may("viewer"),
    (f"{_V1}transfers/accept", "POST"): may("admin"),
    (f"{_V1}transfers/<str:uid>", "DELETE"): may("admin", "transfer"),
    (f"{_V1}devices/<str:uid>/erase", "GET"): may("viewer", "erasure"),
    (f"{_V1}devices/<str:uid>/erase", "POST"): may("owner", "device"),
    # Presence
    (f"{_V1}devices/status", "POST"): may("viewer"),
    (f"{_V1}devices/<str:uid>/connections", "GET"): may("viewer", "device"),
    (f"{_V1}customer/devices/<str:uid>/connections", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/uptime", "GET"): may("viewer", "device"),
    (f"{_V1}sites/<str:site_id>/uptime", "GET"): may("viewer", "site"),
    (f"{_V1}sites/<str:site_id>/outages", "GET"): may("viewer", "site"),
    (f"{_V1}uptime", "GET"): may("viewer"),
    (f"{_V1}presence-policies", "GET"): may("admin"),
    (f"{_V1}presence-policies", "POST"): may("admin"),
    (f"{_V1}presence-policies/<str:uid>", "GET"): may("admin", "presence_policy"),
    (f"{_V1}presence-policies/<str:uid>", "PATCH"): may("admin", "presence_policy"),
    (f"{_V1}presence-policies/<str:uid>", "DELETE"): may("admin", "presence_policy"),
    (f"{_V1}notification-channels", "GET"): may("viewer"),
    # Mail to themselves; what else a tenant has told is for its admins.
    (f"{_V1}notification-channels", "POST"): may("viewer"),
    (f"{_V1}notification-channels/<str:uid>", "GET"): may("admin", "notification_channel"),
    (f"{_V1}notification-channels/<str:uid>", "PATCH"): may("admin", "notification_channel"),
    (f"{_V1}notification-channels/<str:uid>", "DELETE"): may("admin", "notification_channel"),
    (f"{_V1}notification-channels/<str:uid>/test", "POST"): may("admin", "notification_channel"),
    (f"{_V1}notification-channels/<str:uid>/rotate-secret", "POST"): may(
        "admin", "notification_channel"
    ),
    (f"{_V1}notification-channels/<str:uid>/deliveries", "GET"): may(
        "admin", "notification_channel"
    ),
    (f"{_V1}maintenance-windows", "GET"): may("viewer"),
    (f"{_V1}maintenance-windows", "POST"): may("operator"),
    (f"{_V1}maintenance-windows/<str:uid>", "GET"): may("viewer", "maintenance_window"),
    (f"{_V1}maintenance-windows/<str:uid>", "PATCH"): may("operator", "maintenance_window"),
    (f"{_V1}maintenance-windows/<str:uid>", "DELETE"): may("operator", "maintenance_window"),
    # Sites
    (f"{_V1}sites", "GET"): may("viewer"),
    (f"{_V1}sites", "POST"): may("admin"),
    (f"{_V1}sites/<str:site_id>", "GET"): may("viewer", "site"),
    (f"{_V1}sites/<str:site_id>", "PATCH"): may("admin", "site"),
    (f"{_V1}sites/<str:site_id>", "DELETE"): may("admin", "site"),
    (f"{_V1}devices/sites/<str:site_id>/devices", "POST"): Row("provision", "admin", "site"),
    # Relays and commands
    (f"{_V1}devices/<str:uid>/relays", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/relays/commands", "POST"): may("operator", "device"),
    (f"{_V1}devices/<str:uid>/relays/<int:index>/commands", "POST"): may("operator", "device"),
    (f"{_V1}devices/<str:uid>/commands", "GET"): may("viewer", "device"),
    (f"{_V1}commands/<uuid:command_id>", "GET"): may("viewer", "command"),
    (f"{_V1}commands/<uuid:command_id>/history", "GET"): may("viewer", "command"),
    # Telemetry and audit
    (f"{_V1}devices/<str:uid>/metrics", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/metrics/latest", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/metrics/names", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/metrics/export", "GET"): may("viewer", "device"),
    (f"{_V1}customer/devices/<str:uid>/metrics", "GET"): may("viewer", "device"),
    (f"{_V1}telemetry/set-aside", "GET"): may("viewer"),
    (f"{_V1}telemetry/set-aside/<str:uid>", "GET"): may("viewer", "set_aside"),
    (f"{_V1}telemetry/set-aside/<str:uid>", "DELETE"): may("operator", "set_aside"),
    (f"{_V1}telemetry/set-aside/<str:uid>/replay", "POST"): may("operator", "set_aside"),
    (f"{_V1}analytics/fleet", "GET"): may("viewer"),
    (f"{_V1}devices/sensor-report", "POST"): "device",
    (f"{_V1}devices/<str:uid>/sensors", "GET"): may("viewer", "device"),
    (f"{_V1}customer/devices/<str:uid>/sensors", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/sensor-events", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/sensor-events", "POST"): may("operator", "device"),
    (f"{_V1}audit", "GET"): may("viewer"),
    # Pages
    ("", "GET"): may("viewer"),
    ("claim", "GET"): may("viewer"),
    ("claim", "POST"): may("admin"),
    ("devices/<str:uid>", "GET"): may("viewer", "device"),
    ("devices/<str:uid>/connections", "GET"): may("viewer", "device"),
    ("devices/<str:uid>/lives", "GET"): may("viewer", "device"),
    ("devices/<str:uid>/unpair", "GET"): may("admin", "device"),
    ("devices/<str:uid>/unpair", "POST"): may("admin", "device"),
    ("devices/<str:uid>/release", "GET"): may("admin", "device"),
    ("devices/<str:uid>/release", "POST"): may("admin", "device"),
    ("devices/<str:uid>/rotate", "GET"): may("admin", "device"),
    ("devices/<str:uid>/rotate", "POST"): may("admin", "device"),
    ("devices/<str:uid>/transfer", "GET"): may("admin", "device"),
    ("devices/<str:uid>/transfer", "POST"): may("admin", "device"),
    ("devices/<str:uid>/erase", "GET"): may("admin", "device"),
    ("devices/<str:uid>/erase", "POST"): may("owner", "device"),
    ("archive", "GET"): may("viewer"),
    ("transfers", "GET"): may("viewer"),
    ("transfers/accept", "GET"): may("viewer"),
    ("transfers/accept", "POST"): may("admin"),
    ("transfers/<str:uid>/cancel", "POST"): may("admin", "transfer"),
    ("organisations/new", "GET"): "user",
    ("organisations/new", "POST"): "user",
    ("sites", "GET"): may("viewer"),
    ("sites/new", "GET"): may("admin"),
    ("sites/new", "POST"): may("admin"),
    ("sites/<str:site_id>", "GET"): may("viewer", "site"),
    ("sites/<str:site_id>/connectivity", "GET"): may("viewer", "site"),
    ("sites/<str:site_id>/edit", "GET"): may("admin", "site"),
    ("sites/<str:site_id>/edit", "POST"): may("admin", "site"),
    ("sites/<str:site_id>/remove", "GET"): may("admin", "site"),
    ("sites/<str:site_id>/remove", "POST"): may("admin", "site"),
    ("sites/<str:site_id>/register", "GET"): may("admin", "site"),
    ("sites/<str:site_id>/register", "POST"): may("admin", "site"),
    ("maintenance", "GET"): may("viewer"),
    ("maintenance/new", "GET"): may("operator"),
    ("maintenance/new", "POST"): may("operator"),
    ("maintenance/<str:uid>/end", "POST"): may("operator", "maintenance_window"),
    ("maintenance/<str:uid>/remove", "POST"): may("operator", "maintenance_window"),
    ("notifications", "GET"): may("viewer"),
    ("notifications/new", "GET"): may("viewer"),
    ("notifications/new", "POST"): may("viewer"),
    # Who has the link of a mail may use it.
    ("notifications/link/<str:token>", "GET"): "public",
    ("notifications/link/<str:token>", "POST"): "public",
    ("notifications/<str:uid>", "GET"): may("admin", "notification_channel"),
    ("notifications/<str:uid>/edit", "GET"): may("admin", "notification_channel"),
    ("notifications/<str:uid>/edit", "POST"): may("admin", "notification_channel"),
    ("notifications/<str:uid>/test", "POST"): may("admin", "notification_channel"),
    ("notifications/<str:uid>/pause", "POST"): may("admin", "notification_channel"),
    ("notifications/<str:uid>/secret", "POST"): may("admin", "notification_channel"),
    ("notifications/<str:uid>/remove", "GET"): may("admin", "notification_channel"),
    ("notifications/<str:uid>/remove", "POST"): may("admin", "notification_channel"),
    ("keys", "GET"): may("admin"),
    ("keys/new", "GET"): may("admin"),
    ("keys/new", "POST"): may("admin"),
    ("keys/<str:uid>/revoke", "POST"): may("admin", "provisioning_key"),
    ("enrol", "GET"): may("admin"),
    ("enrol", "POST"): may("admin"),
    ("enrol/<str:uid>", "GET"): may("admin", "enrolment"),
    ("enrol/<str:uid>/start", "POST"): may("admin", "enrolment"),
    ("enrol/<str:uid>/cancel", "POST"): may("admin", "enrolment"),
    ("enrol/<str:uid>/keys", "POST"): may("admin", "enrolment"),
    ("people", "GET"): "user",
    ("people/<str:uid>", "GET"): may("viewer", "tenant"),
    ("people/<str:uid>/name", "POST"): may("admin", "tenant"),
    ("people/<str:uid>/invite", "GET"): may("admin", "tenant"),
    ("people/<str:uid>/invite", "POST"): may("admin", "tenant"),
    ("people/<str:uid>/leave", "GET"): may("viewer", "tenant"),
    ("people/<str:uid>/leave", "POST"): may("viewer", "tenant"),
    ("people/<str:uid>/hand-over", "GET"): may("owner", "tenant"),
    ("people/<str:uid>/hand-over", "POST"): may("owner", "tenant"),
    ("people/<str:uid>/members/<str:user_uid>", "GET"): may("admin", "member"),
    ("people/<str:uid>/members/<str:user_uid>", "POST"): may("admin", "member"),
    ("people/<str:uid>/members/<str:user_uid>/remove", "GET"): may("admin", "member"),
    ("people/<str:uid>/members/<str:user_uid>/remove", "POST"): may("admin", "member"),
    ("people/<str:uid>/invitations/<str:invitation_uid>/revoke", "POST"): may(
        "admin", "invitation"
    ),
    ("invite/<str:token>", "GET"): Row("public", None, "invitation"),
    ("invite/<str:token>", "POST"): Row("public", None, "invitation"),
    ("invite/<str:token>/join", "GET"): Row("public", None, "invitation"),
    ("invite/<str:token>/join", "POST"): Row("public", None, "invitation"),
    ("login", "GET"): "public",
    ("login", "POST"): "public",
    ("logout", "POST"): "user",
    ("tenant", "POST"): "user",
}
