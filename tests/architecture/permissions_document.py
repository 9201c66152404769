"""Writes docs/permissions.md from the permission matrix and the product's own code.

python -m tests.architecture.permissions_document
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterable

from tests.architecture import platform_work
from tests.architecture.permission_matrix import PREFIXES, ROWS, row_of
from tests.architecture.permission_words import Row
from tests.architecture.sources import ROOT

DOCUMENT = ROOT / "docs" / "permissions.md"
ROLES = ("viewer", "operator", "admin", "owner")
_WHO = {
    "public": "Anyone, without credentials.",
    "device": "A device with its own key (`X-Device-ID`, `X-API-Key`).",
    "provision": "Whoever holds a provisioning key (`X-Provision-Key`).",
    "user": "Every signed-in user, for what is their own.",
    "staff": "The platform's administrators; each look and change is audited.",
    "metrics": "The holder of the metrics token, or an address in `METRICS_ALLOW`.",
}
_INTRODUCTION = """
# Permissions

Made from tests/architecture/permission_matrix.py and from the code with `make permissions`; a
test fails while this file is not current, and tests/permissions calls every route as everyone,
with their own objects, with those of another tenant and with unknown ones.

An object of another tenant is answered like one that does not exist: the same 404, byte for byte,
after the same time (`make bench ARGS=existence_timing`). A member whose role is too low gets 403
`permission_denied`; a stranger 401, and on pages the login.
"""
_CHOICE = """
## Which tenant

A user may belong to several tenants. The header `X-Tenant: <uid>` narrows a request to one of
them; a uid that is unknown or not the caller's is 404 `not_found`. Without it reads cover all
the caller's tenants, and what must be made in one tenant (claiming, sites, keys, enrolments)
answers 400 `tenant_required` where the caller belongs to several: it is never guessed. Paths
below `/api/v1/tenants/{uid}` name the tenant themselves. Pages keep the choice in the browser's
session. A member who is limited to sites sees devices of those sites only, whatever the role.
"""
_WHOLE = "With a star: not for who is limited to sites, for it is all the tenant's."
_PLATFORM = """
## Work across tenants

On PostgreSQL row security confines every piece of work to the tenants of whoever asked for it.
What must touch rows of others, or rows without a tenant, does so under a name
(`row_security.platform_scope`). These are all of them.
"""


def document() -> str:
    """The whole text."""
    parts = (
        inspect.cleandoc(_INTRODUCTION),
        _roles(),
        inspect.cleandoc(_CHOICE),
        _others(),
        _platform(),
    )
    return "\n\n".join(parts) + "\n"


def _roles() -> str:
    by_role: dict[str, dict[str, list[str]]] = {role: defaultdict(list) for role in ROLES}
    for pattern, method, row in _rows():
        if row.least is not None:
            by_role[row.least][_named(pattern)].append(f"{method}*" if row.is_whole else method)
    lines = ["## Roles in a tenant", "", "Each role may also do what those before it may.", _WHOLE]
    for role in ROLES:
        lines += ["", f"### {role.capitalize()}", ""]
        lines += _table(("path", "methods"), by_role[role].items())
    return "\n".join(lines)


def _others() -> str:
    by_access: dict[str, dict[str, list[str]]] = {access: defaultdict(list) for access in _WHO}
    for pattern, method, row in _rows():
        if row.least is None or row.access != "user":
            by_access[row.access][_named(pattern)].append(method)
    for prefix, access in PREFIXES.items():
        by_access[access][f"/{prefix}…"] = ["GET", "POST"]
    lines = ["## Without a role"]
    for access, sentence in _WHO.items():
        lines += ["", f"### {access.capitalize()}", "", sentence, ""]
        lines += _table(("path", "methods"), by_access[access].items())
    return "\n".join(lines)


def _platform() -> str:
    lines = [inspect.cleandoc(_PLATFORM), "", "| name | where | what for |", "|---|---|---|"]
    for work in platform_work.collect():
        lines.append(f"| `{work.name}` | {work.file} | {work.reason.replace('|', '/')} |")
    return "\n".join(lines)


def _rows() -> list[tuple[str, str, Row]]:
    found = []
    for pattern, method in sorted(ROWS):
        row = row_of(pattern, method)
        assert row is not None
        found.append((pattern, method, row))
    return found


def _named(pattern: str) -> str:
    path = pattern.replace("<str:", "{").replace("<int:", "{").replace("<uuid:", "{")
    return "/" + path.replace("<", "{").replace(">", "}")


def _table(heads: tuple[str, str], rows: Iterable[tuple[str, list[str]]]) -> list[str]:
    lines = [f"| {heads[0]} | {heads[1]} |", "|---|---|"]
    return lines + [f"| `{path}` | {', '.join(methods)} |" for path, methods in rows]


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
