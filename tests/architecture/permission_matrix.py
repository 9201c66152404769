"""Who may call what: one row per route and method. A route without a row fails the build.

public   anyone, without credentials
device   a device with its key, or the provisioning key
user     a signed-in user; what they see is decided by their tenants
staff    the platform's administrators
metrics  the metrics token, or an address in METRICS_ALLOW
"""

from typing import Literal

Access = Literal["public", "device", "user", "staff", "metrics"]

# Django's own administration: its routes come and go with the registered models.
PREFIXES: dict[str, Access] = {"admin/": "staff"}
# Exceptions inside a prefix. The administration has no login page: it sends to the product's own.
INSIDE_PREFIXES: dict[str, Access] = {"admin/login/": "user", "admin/logout/": "public"}

_V1 = "api/v1/"

ROWS: dict[tuple[str, str], Access] = {
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
    (f"{_V1}auth/sessions/<str:uid>", "DELETE"): "user",
    (f"{_V1}auth/ws-ticket", "POST"): "user",
    # Devices
    (f"{_V1}provision/register", "POST"): "device",
    (f"{_V1}devices", "GET"): "user",
    (f"{_V1}devices/claim", "POST"): "user",
    (f"{_V1}devices/<str:uid>", "GET"): "user",
    (f"{_V1}devices/<str:uid>", "PATCH"): "user",
    (f"{_V1}devices/<str:uid>/token", "DELETE"): "user",
    (f"{_V1}devices/<str:uid>/input-events", "GET"): "user",
    # Relays and commands
    (f"{_V1}devices/<str:uid>/relays", "GET"): "user",
    (f"{_V1}devices/<str:uid>/relays/commands", "POST"): "user",
    (f"{_V1}devices/<str:uid>/relays/<int:index>/commands", "POST"): "user",
    (f"{_V1}devices/<str:uid>/commands", "GET"): "user",
    (f"{_V1}commands/<uuid:command_id>", "GET"): "user",
    (f"{_V1}commands/<uuid:command_id>/history", "GET"): "user",
    # Telemetry and audit
    (f"{_V1}devices/<str:uid>/metrics", "GET"): "user",
    (f"{_V1}devices/<str:uid>/metrics/latest", "GET"): "user",
    (f"{_V1}audit", "GET"): "user",
    # Pages
    ("", "GET"): "user",
    ("claim", "GET"): "user",
    ("claim", "POST"): "user",
    ("devices/<str:uid>", "GET"): "user",
    ("login", "GET"): "public",
    ("login", "POST"): "public",
    ("logout", "POST"): "user",
}
