"""The cells of the matrix: a route, a method, and an object as it looks from the near tenant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.architecture.permission_matrix import row_of
from tests.architecture.permission_words import Row
from tests.architecture.routes import PARAMETER, Route, routes
from tests.permissions.callers import Caller
from tests.permissions.world import UNKNOWN, World, unknown_names

_DEVICES = {"device", "erasure"}
# Looks at the database from outside of any transaction, and the matrix is inside of one.
_LEFT_OUT = {"health/ready"}
# What a route cannot do without; with nothing it would refuse before it looks for the object.
_QUERIES = {
    "api/v1/devices/<str:uid>/metrics": "?metric=cpu_percent",
    "api/v1/customer/devices/<str:uid>/metrics": "?metric=cpu_percent&points=10",
    "api/v1/devices/<str:uid>/twin/diff": "?from=0",
    "api/v1/customer/devices/<str:uid>/twin/diff": "?from=0",
    "api/v1/analytics/fleet": "?metric=cpu_percent&group_by=device",
}
Names = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A route with an object; `twin` names what does not exist, to compare with."""

    route: Route
    row: Row
    label: str
    names: Names
    twin: Names

    @property
    def path(self) -> str:
        """Where the object would be."""
        return path_of(self.route, self.names)

    @property
    def twin_path(self) -> str:
        """Where nothing is."""
        return path_of(self.route, self.twin)

    def is_open_to(self, caller: Caller) -> bool:
        """Whether the object is one the caller may know of."""
        if self.row.names == "none" or (self.row.access == "staff" and caller.is_platform_admin):
            return True
        if self.row.access == "device" and caller.name == "device":
            # The calling device is the near tenant's own one.
            return self.label == "own"
        if not self.label.startswith(("own", "elsewhere")) or caller.role is None:
            return False
        if self.row.names in {"login_session", "export"}:
            return caller.role == "owner"
        if caller.is_limited:
            # What is of a whole tenant or of another site is beyond their limits.
            return self.label != "elsewhere"
        return True


def path_of(route: Route, names: Names) -> str:
    """The route's address with these names in it."""

    def named(match: object) -> str:
        name = match[0].strip("<>").split(":")[-1]  # type: ignore[index]
        return "0" if name in {"index", "version"} else names.get(name, UNKNOWN)

    return "/" + PARAMETER.sub(named, route.pattern) + _QUERIES.get(route.pattern, "")


def cells_of(world: World) -> list[Cell]:
    """Every route of the product with every object of its kind."""
    return [
        Cell(route=route, row=row, label=label, names=names, twin=twin)
        for route in routes()
        if route.pattern not in _LEFT_OUT
        if (row := row_of(route.pattern, route.method)) is not None
        for label, names, twin in _objects(row.names, world)
    ]


def _objects(kind: str, world: World) -> Iterator[tuple[str, Names, Names]]:
    nowhere = unknown_names(kind)
    if kind == "none":
        yield "nothing", nowhere, nowhere
        return
    near, far = world.near, world.far
    yield "own", near.names(kind), nowhere
    yield "far", far.names(kind), nowhere
    yield "unknown", nowhere, nowhere
    if kind == "device":
        yield "own archived", {"uid": near.archived}, nowhere
        yield "elsewhere", {"uid": near.elsewhere}, nowhere
    if kind in _DEVICES:
        yield "far archived", {"uid": far.archived}, nowhere
        yield "far living", {"uid": far.device}, nowhere
        yield "far by its site's name", {"uid": far.device_name}, nowhere
    if kind in {"member", "invitation"}:
        theirs = far.names(kind) | {"uid": near.tenant.uid}
        yield "mixed", theirs, nowhere | {"uid": near.tenant.uid}
