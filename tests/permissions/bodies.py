"""A body that is well formed for every route: its own example, or one from here."""

from __future__ import annotations

from typing import Any

from drf_spectacular.generators import SchemaGenerator

from tests.architecture.routes import PARAMETER
from tests.permissions.world import World

_V1 = "api/v1/"


def examples() -> dict[tuple[str, str], Any]:
    """The first JSON example of each operation that the API's description shows."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    found = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            shown = content.get("application/json", {}).get("examples", {})
            if shown:
                found[path.lstrip("/"), method.upper()] = next(iter(shown.values()))["value"]
    return found


def as_described(pattern: str) -> str:
    """A route's pattern as the API's description writes it."""
    return PARAMETER.sub(lambda match: "{" + match[0].strip("<>").split(":")[-1] + "}", pattern)


def bodies_for(world: World) -> dict[tuple[str, str], Any]:
    """Bodies that need something of the world, or have no example."""
    near = world.near
    return {
        (f"{_V1}tenants", "POST"): {"name": "Third"},
        (f"{_V1}command-batches", "POST"): {
            "kind": "reboot",
            "target": {"devices": [near.device]},
        },
        (f"{_V1}command-batches/preview", "POST"): {
            "kind": "reboot",
            "target": {"devices": [near.device]},
        },
        (f"{_V1}device-groups", "POST"): {"name": "Another", "devices": [near.device]},
        (f"{_V1}device-groups/<str:uid>/members", "POST"): {"remove": [near.device]},
        (f"{_V1}tags/bulk", "POST"): {"devices": [near.device], "add": ["new"]},
        (f"{_V1}tenants/<str:uid>", "PATCH"): {"name": "Renamed"},
        (f"{_V1}tenants/<str:uid>/hand-over", "POST"): {"user": near.people["admin"].uid},
        (f"{_V1}tenants/<str:uid>/members/<str:user_uid>", "PATCH"): {"role": "operator"},
        (f"{_V1}tenants/<str:uid>/invitations", "POST"): {"role": "viewer"},
        (f"{_V1}invitations/preview", "POST"): {"token": world.far.invitation_token},
        (f"{_V1}invitations/accept", "POST"): {"token": world.far.invitation_token},
        (f"{_V1}admin/users/<str:uid>", "PATCH"): {"is_active": True},
        (f"{_V1}devices/claim", "POST"): {"claim_code": world.claim_code},
        (f"{_V1}transfers/accept", "POST"): {"code": world.far.transfer_code, "site": near.site},
        (f"{_V1}enrolments", "POST"): {
            "mode": "api_key",
            "site": near.site,
            "rows": [{"device_id": "listed-1"}],
        },
        (f"{_V1}enrolments/<str:uid>/keys", "POST"): {"passphrase": "not the passphrase"},
        (f"{_V1}provisioning-keys", "POST"): {
            "name": "Another",
            "site": near.site,
            "max_devices": 5,
            "expires_in": 3600,
        },
        (f"{_V1}maintenance-windows", "POST"): {
            "starts_at": "2026-01-01T00:00:00Z",
            "ends_at": "2026-01-01T01:00:00Z",
            "site": near.site,
        },
        (f"{_V1}sites/<str:site_id>", "PATCH"): {"name": "Renamed"},
        (f"{_V1}sites/<str:site_id>", "DELETE"): {"devices": "unpair"},
        (f"{_V1}auth/sessions", "DELETE"): {},
        (f"{_V1}preferences", "PATCH"): {"dashboard_settings": {"theme": "dark"}},
        ("dashboard/claim", "POST"): {"claim_code": world.claim_code},
        ("dashboard/transfers/accept", "POST"): {
            "code": world.far.transfer_code,
            "site": near.site,
        },
        ("tenant", "POST"): {"tenant": near.tenant.uid},
        ("app/add", "POST"): {"claim_code": world.claim_code},
        ("app/add/<str:uid>/name", "POST"): {"name": "Lamp"},
        ("app/add/<str:uid>/room", "POST"): {"room": "Kitchen"},
        ("app/devices/<str:uid>/edit", "POST"): {"name": "Lamp", "other": "Kitchen"},
        ("app/devices/<str:uid>/favourite", "POST"): {"favourite": "yes"},
        ("app/family/<str:uid>/invite", "POST"): {"role": "viewer"},
        ("app/family/<str:uid>/members/<str:user_uid>", "POST"): {"role": "operator"},
        ("app/notifications", "POST"): {"topics": ["offline"], "after_s": "60"},
        ("app/settings", "POST"): {"start_page": "app"},
        ("dashboard/organisations/new", "POST"): {"name": "Third"},
        ("dashboard/sites/new", "POST"): {"name": "Another", "time_zone": "UTC"},
        ("dashboard/sites/<str:site_id>/edit", "POST"): {"name": "Renamed", "time_zone": "UTC"},
        ("dashboard/sites/<str:site_id>/remove", "POST"): {"devices": "unpair"},
        ("dashboard/sites/<str:site_id>/register", "POST"): {
            "device_id": "new-1",
            "device_class": "other",
        },
        ("dashboard/devices/<str:uid>/twin", "POST"): {"document": '{"volume": 1}', "etag": "*"},
        ("dashboard/devices/<str:uid>/twin/<int:version>/restore", "POST"): {"etag": "*"},
        ("dashboard/devices/<str:uid>/commands", "POST"): {"kind": "reboot", "do": "send"},
        ("dashboard/devices/<str:uid>/config", "POST"): {"document": "{}", "etag": "*"},
        ("dashboard/devices/<str:uid>/config/<int:version>/restore", "POST"): {"etag": "*"},
        ("dashboard/devices/<str:uid>/ir-codes", "POST"): {
            "name": "Off",
            "pronto": "0000 006D 0002 0000 0010 0020 0010 0400",
        },
        ("dashboard/devices/<str:uid>/ir-codes/learn", "POST"): {"name": "On"},
        ("dashboard/audit/verify", "POST"): {"chain": near.tenant.uid},
        ("dashboard/audit/export", "POST"): {"tenant": near.tenant.uid, "format": "csv"},
        ("dashboard/account/erase", "POST"): {"password": "wrong"},
        ("dashboard/groups/new", "POST"): {"name": "Another", "query": "class:other", "do": "save"},
        ("dashboard/groups/<str:uid>/edit", "POST"): {
            "name": "Renamed",
            "kind": "static",
            "do": "save",
        },
        ("dashboard/groups/<str:uid>/members", "POST"): {"remove": near.device},
        ("dashboard/groups/<str:uid>/ask", "POST"): {"kind": "reboot", "do": "preview"},
        ("dashboard/maintenance/new", "POST"): {
            "site": near.site,
            "starts_at": "2026-01-01T00:00",
            "ends_at": "2026-01-01T01:00",
        },
        ("dashboard/notifications/new", "POST"): {
            "to": "me",
            "name": "Me",
            "topics": ["offline"],
            "after_s": 60,
        },
        ("dashboard/notifications/<str:uid>/edit", "POST"): {
            "name": "Renamed",
            "url": "https://hooks.example.com/homepot",
            "topics": ["offline"],
            "after_s": 60,
        },
        ("dashboard/keys/new", "POST"): {"name": "Another", "max_devices": 5, "days": 7},
        ("dashboard/enrol/<str:uid>/keys", "POST"): {"passphrase": "not the passphrase"},
        ("dashboard/people/<str:uid>/name", "POST"): {"name": "Renamed"},
        ("dashboard/people/<str:uid>/invite", "POST"): {"role": "viewer", "valid_days": 7},
        ("dashboard/people/<str:uid>/hand-over", "POST"): {"user": near.people["admin"].uid},
        ("dashboard/people/<str:uid>/members/<str:user_uid>", "POST"): {"role": "operator"},
        ("invite/<str:token>/join", "POST"): {
            "email": "somebody@example.com",
            "password": "correct horse battery",
        },
        ("login", "POST"): {"email": "nobody@example.com", "password": "wrong"},
    }


def bodies_naming(site: str, user: str, world: World) -> dict[tuple[str, str], Any]:
    """Bodies that name a site or a user, by path within the near tenant."""
    near = world.near
    tenant = f"tenants/{near.tenant.uid}"
    return {
        (f"devices/{near.device}", "PATCH"): {"site": site},
        ("provisioning-keys", "POST"): {
            "name": "Another",
            "site": site,
            "max_devices": 5,
            "expires_in": 3600,
        },
        ("transfers/accept", "POST"): {"code": world.far.transfer_code, "site": site},
        (f"sites/{near.site}", "DELETE"): {"devices": f"move_to:{site}"},
        (f"{tenant}/invitations", "POST"): {"role": "viewer", "sites": [site]},
        (f"{tenant}/members/{near.people['colleague'].uid}", "PATCH"): {"sites": [site]},
        (f"{tenant}/hand-over", "POST"): {"user": user},
    }
