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

from tests.architecture.page_permissions import PAGES
from tests.architecture.permission_words import Access, Row, may


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

_IR = ("devices/<str:uid>/ir-codes", "customer/devices/<str:uid>/ir-codes")
_CODES: dict[tuple[str, str], Row] = {
    ("", "GET"): may("viewer", "device"),
    ("", "POST"): may("operator", "device"),
    ("/learn", "POST"): may("operator", "device"),
    ("/<uuid:code_id>", "GET"): may("viewer", "ir_code"),
    ("/<uuid:code_id>", "PATCH"): may("operator", "ir_code"),
    ("/<uuid:code_id>", "DELETE"): may("operator", "ir_code"),
    ("/<uuid:code_id>/transmit", "POST"): may("operator", "ir_code"),
}
_TWINS = ("devices/<str:uid>/twin", "customer/devices/<str:uid>/twin")
_TWIN: dict[tuple[str, str], Row] = {
    ("", "GET"): may("viewer", "device"),
    ("/desired", "PATCH"): may("operator", "device"),
    ("/desired", "PUT"): may("operator", "device"),
    ("/reported", "PATCH"): Row("device", None, "device"),
    ("/delta", "GET"): may("viewer", "device"),
    ("/diff", "GET"): may("viewer", "device"),
    ("/revisions", "GET"): may("viewer", "device"),
    ("/revisions/<int:version>", "GET"): may("viewer", "device"),
    ("/revisions/<int:version>/restore", "POST"): may("operator", "device"),
}

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
    (f"{_V1}palette", "GET"): may("viewer"),
    (f"{_V1}work", "GET"): may("viewer"),
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
    (f"{_V1}devices/<str:uid>/config", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/config", "PUT"): may("operator", "device"),
    (f"{_V1}devices/<str:uid>/config", "PATCH"): may("operator", "device"),
    (f"{_V1}devices/<str:uid>/config/revisions", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/config/restore", "POST"): may("operator", "device"),
    (f"{_V1}devices/self/config/applied", "POST"): "device",
    (f"{_V1}devices/<str:uid>/unpair", "POST"): may("admin", "device"),
    (f"{_V1}devices/<str:uid>/release", "POST"): may("admin", "device"),
    (f"{_V1}devices/<str:uid>/lives", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/token", "DELETE"): may("admin", "device"),
    (f"{_V1}devices/<str:uid>/rotate-token", "POST"): may("admin", "device"),
    (f"{_V1}devices/self", "GET"): "device",
    (f"{_V1}devices/self/mqtt", "POST"): "device",
    (f"{_V1}devices/self/mqtt", "DELETE"): "device",
    (f"{_V1}analytics/device-metrics", "POST"): "device",
    (f"{_V1}devices/pending", "GET"): "device",
    (f"{_V1}devices/commands/<str:command_id>/result", "POST"): Row("device", None, "command"),
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
    # Groups and tags
    (f"{_V1}fleet/overview", "GET"): may("viewer"),
    (f"{_V1}fleet/attention", "GET"): may("viewer"),
    (f"{_V1}fleet/trends", "GET"): may("viewer"),
    (f"{_V1}devices/<str:uid>/timeline", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/why", "GET"): may("viewer", "device"),
    (f"{_V1}exports", "GET"): may("viewer"),
    (f"{_V1}exports", "POST"): may("viewer"),
    (f"{_V1}exports/<str:uid>", "GET"): may(None, "export"),
    (f"{_V1}exports/<str:uid>", "DELETE"): may(None, "export"),
    (f"{_V1}exports/<str:uid>/file", "GET"): may(None, "export"),
    (f"{_V1}device-groups", "GET"): may("viewer"),
    (f"{_V1}device-groups", "POST"): may("operator", is_whole=True),
    (f"{_V1}device-groups/dynamic", "POST"): may("operator", is_whole=True),
    (f"{_V1}customer/device-groups/dynamic", "POST"): may("operator", is_whole=True),
    (f"{_V1}device-groups/preview", "POST"): may("viewer"),
    (f"{_V1}device-groups/suggest", "GET"): may("viewer"),
    (f"{_V1}device-groups/<str:uid>", "GET"): may("viewer", "group"),
    (f"{_V1}device-groups/<str:uid>", "PATCH"): may("operator", "group", is_whole=True),
    (f"{_V1}device-groups/<str:uid>", "DELETE"): may("operator", "group", is_whole=True),
    (f"{_V1}device-groups/<str:uid>/count", "GET"): may("viewer", "group"),
    (f"{_V1}device-groups/<str:uid>/members", "GET"): may("viewer", "group"),
    (f"{_V1}device-groups/<str:uid>/members", "POST"): may("operator", "group"),
    (f"{_V1}device-groups/<str:uid>/members.csv", "GET"): may("viewer", "group"),
    (f"{_V1}device-groups/<str:uid>/why/<str:device_uid>", "GET"): may("viewer", "group"),
    (f"{_V1}device-groups/<str:uid>/journal", "GET"): may("viewer", "group"),
    (f"{_V1}devices/<str:uid>/groups", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/tags", "POST"): may("operator", "device"),
    (f"{_V1}tags", "GET"): may("viewer"),
    (f"{_V1}tags/bulk", "POST"): may("operator"),
    (f"{_V1}tags/rename", "POST"): may("operator", is_whole=True),
    # Relays and commands
    # Twins
    (f"{_V1}twin-policy", "GET"): may("viewer"),
    (f"{_V1}twin-policy", "PATCH"): may("admin", is_whole=True),
    **{(f"{_V1}{at}{path}", method): row for at in _TWINS for (path, method), row in _TWIN.items()},
    (f"{_V1}devices/<str:uid>/relays", "GET"): may("viewer", "device"),
    (f"{_V1}devices/<str:uid>/relays/commands", "POST"): may("operator", "device"),
    (f"{_V1}devices/<str:uid>/relays/<int:index>/commands", "POST"): may("operator", "device"),
    (f"{_V1}devices/<str:uid>/commands", "GET"): may("viewer", "device"),
    **{(f"{_V1}{at}{path}", method): row for at in _IR for (path, method), row in _CODES.items()},
    (f"{_V1}devices/<str:uid>/commands", "POST"): may("operator", "device"),
    # It tells who may not ask that they may not.
    (f"{_V1}devices/<str:uid>/commands/preview", "POST"): may("viewer", "device"),
    (f"{_V1}customer/devices/<str:uid>/commands", "GET"): may("viewer", "device"),
    (f"{_V1}customer/devices/<str:uid>/commands", "POST"): may("operator", "device"),
    (f"{_V1}customer/devices/<str:uid>/commands/preview", "POST"): may("viewer", "device"),
    (f"{_V1}commands", "GET"): may("viewer"),
    (f"{_V1}commands/<uuid:command_id>/cancel", "POST"): may("operator", "command"),
    (f"{_V1}command-kinds", "GET"): may("viewer"),
    (f"{_V1}command-kinds", "POST"): may("admin", is_whole=True),
    (f"{_V1}command-kinds/<str:name>", "GET"): may("viewer", "command_kind"),
    (f"{_V1}command-kinds/<str:name>", "PUT"): may("admin", "command_kind", is_whole=True),
    (f"{_V1}command-kinds/<str:name>", "DELETE"): may("admin", "command_kind", is_whole=True),
    (f"{_V1}command-batches", "GET"): may("viewer"),
    (f"{_V1}command-batches", "POST"): may("operator"),
    (f"{_V1}command-batches/preview", "POST"): may("operator"),
    (f"{_V1}command-batches/<uuid:batch_id>", "GET"): may("viewer", "command_batch"),
    (f"{_V1}command-batches/<uuid:batch_id>/members", "GET"): may("viewer", "command_batch"),
    (f"{_V1}command-batches/<uuid:batch_id>/pause", "POST"): may("operator", "command_batch"),
    (f"{_V1}command-batches/<uuid:batch_id>/resume", "POST"): may("operator", "command_batch"),
    (f"{_V1}command-batches/<uuid:batch_id>/cancel", "POST"): may("operator", "command_batch"),
    (f"{_V1}commands/<uuid:command_id>", "GET"): may("viewer", "command"),
    (f"{_V1}commands/<uuid:command_id>/history", "GET"): may("viewer", "command"),
    (f"{_V1}commands/<uuid:command_id>/explain", "GET"): may("viewer", "command"),
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
    (f"{_V1}audit/verification", "GET"): may("viewer"),
    (f"{_V1}audit/verification", "POST"): may("admin", is_whole=True),
    (f"{_V1}audit", "GET"): may("viewer"),
    **PAGES,
}
