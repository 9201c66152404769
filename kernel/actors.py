"""Who acts: a parameter of every service, never a thread-local."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

_NO_ROLES: Mapping[int, str] = MappingProxyType({})
_NO_LIMITS: Mapping[int, frozenset[int]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """A user, a device or a part of the system that asks for something.

    `roles` maps each tenant the actor belongs to (by primary key) to its role there. A device
    belongs to at most one. An actor that has chosen one of its tenants has only that one here;
    `member_tenants` then still names all. `site_limits` holds, for tenants where the member is
    restricted, the sites (by primary key) whose devices they may see.
    `via` names the door: api, page, socket, admin, command, system.
    """

    kind: Literal["user", "device", "system"]
    id: str
    label: str
    user_id: int | None = None
    device_id: int | None = None
    session_id: int | None = None
    platform_role: str | None = None
    roles: Mapping[int, str] = field(default_factory=lambda: _NO_ROLES)
    site_limits: Mapping[int, frozenset[int]] = field(default_factory=lambda: _NO_LIMITS)
    member_tenants: frozenset[int] = frozenset()
    request_id: str = ""
    address: str | None = None
    via: str = "system"

    @classmethod
    def system(cls, name: str, *, request_id: str = "") -> Actor:
        """The platform itself; `name` says which part of it."""
        return cls(kind="system", id=name, label=name, request_id=request_id)

    @classmethod
    def device(
        cls, *, device_id: int, uid: str, tenant_id: int | None, address: str | None = None
    ) -> Actor:
        """A device that speaks for itself over its own credential."""
        roles = _NO_ROLES if tenant_id is None else MappingProxyType({tenant_id: "device"})
        return cls(
            kind="device",
            id=uid,
            label=uid,
            device_id=device_id,
            roles=roles,
            address=address,
            via="socket",
        )

    @property
    def tenant_ids(self) -> frozenset[int]:
        """Primary keys of the tenants whose rows the actor may see."""
        return frozenset(self.roles)

    @property
    def member_of(self) -> frozenset[int]:
        """Primary keys of all tenants the actor belongs to, chosen or not."""
        return self.member_tenants | self.tenant_ids

    @property
    def is_system(self) -> bool:
        """True for the platform itself."""
        return self.kind == "system"

    @property
    def is_platform_admin(self) -> bool:
        """True for a user who runs the installation."""
        return self.platform_role == "admin"

    def role_in(self, tenant_id: int | None) -> str | None:
        """The actor's role in that tenant, or None."""
        return None if tenant_id is None else self.roles.get(tenant_id)

    def may_see_site(self, tenant_id: int, site_id: int | None) -> bool:
        """Whether devices of that site (None: of no site) are within the actor's limits."""
        limit = self.site_limits.get(tenant_id)
        return limit is None or site_id in limit

    def as_cause(self) -> dict[str, str]:
        """The link this actor adds to a cause chain; a request's id leads back to its log lines."""
        link = {"kind": self.kind, "id": self.id, "label": self.label, "via": self.via}
        return link | {"request_id": self.request_id} if self.request_id else link
