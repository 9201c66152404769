"""Random queries, from values that devices of `tests/groups/fleets.py` often have."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from groups.query import AllOf, AnyOf, Leaf, Not, Query, leaves
from groups.query.fields import FIELDS, Field, Kind, field_named
from groups.query.literals import checked_leaf

TEXTS = (
    "Kitchen", "kitchen", "KITCHEN 2", "Küche", "KÜCHE", "kü", "İstanbul", "ß", "Σας", "a_b", "a%b",
    "back\\slash", 'quo"te', "it's", " two  spaces ", "🔌 plug", "e\u0301", "not", "true", "1", "*x",
)  # fmt: skip
SITES = ("berlin", "paris", "berlin-2")
CLASSES = ("relay_controller", "ir_hub", "server")
VERSIONS = (
    "1.0.0", "1", "v1.0", "1.0.0-rc.1", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0-rc", "2.1", "2.1.0+b7",
    "2.10.0", "0.9", "01.2", "1.0.0-alpha.beta", "1.2.3.4", "nightly", "2024-05-01", "1.0-",
)  # fmt: skip
TAGS = ("lobby", "Lobby", "floor=1", "floor=2", "floor", "vip", "rack", "note=a=b", "küche=ü")
CAPABILITIES = ("relay", "ir", "telemetry")
METRICS = ("cpu_percent", "temp.c", "missing")
PATHS = ("mode", "a.b", "a.0", "0", "a", "list", "list.0", "deep.x.y")
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, 1, 1.0, -5, 2.5, 0.1, 2**53, 2**53 + 1, "", "1", "true", "null", "Kitchen",
    "KÜCHE", "on", 'quo"te',
)  # fmt: skip
AGES = (1, 30, 40, 60, 3_600, 86_400)
MOMENTS = (
    "2026-05-01T12:00:00Z",
    "2026-05-01T11:59:00+00:00",
    "2026-04-30",
    "2026-05-01T11:00:00.5Z",
)
_OF_FIELD = {"site": SITES, "tag": TAGS, "capability": CAPABILITIES}
_OF_KIND: dict[Kind, tuple[Any, ...]] = {
    Kind.TEXT: TEXTS,
    Kind.VERSION: VERSIONS,
    Kind.TRUTH: (True, False),
    Kind.NUMBER: (0, 1, 1.0, 2.5, 90, -5, 0.1),
    Kind.JSON: SCALARS,
}
_NAMES = [
    *FIELDS,
    *(f"metric.{name}" for name in METRICS),
    *(f"{root}.{path}" for root in ("desired", "reported") for path in PATHS),
]


@st.composite
def conditions(draw: st.DrawFn, fields: st.SearchStrategy[str]) -> Leaf:
    """One condition that makes sense."""
    field = field_named(draw(fields))
    op = draw(st.sampled_from(field.operators))
    return checked_leaf(field, op, draw(_operands(field, op)))


def _operands(field: Field, op: str) -> st.SearchStrategy[Any]:
    if op == "exists":
        return st.booleans()
    if op in {"age_gt", "age_lt"}:
        return st.sampled_from(AGES)
    if op == "in":
        return st.lists(_operands(field, "eq"), min_size=1, max_size=4)
    if field.kind == Kind.TIME:
        return st.sampled_from(MOMENTS)
    if op in {"contains", "starts_with"}:
        return st.sampled_from(_pieces(field))
    return st.sampled_from(_known(field, op))


def _known(field: Field, op: str) -> tuple[Any, ...]:
    if op in {"lt", "lte", "gt", "gte"}:
        # What has a place in the order.
        return VERSIONS[:14] if field.kind == Kind.VERSION else _OF_KIND[Kind.NUMBER]
    return field.values or _OF_FIELD.get(field.name) or _OF_KIND[field.kind]


def _pieces(field: Field) -> list[str]:
    whole = [value for value in _known(field, "eq") if isinstance(value, str) and value]
    if field.kind == Kind.SET:
        whole = [value.partition("=")[0] for value in whole]
    return [piece for text in whole for piece in (text, text[:2], text[-1])]


def _groups(parts: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    several = st.lists(parts, min_size=2, max_size=4).map(tuple)
    return several.map(AllOf) | several.map(AnyOf) | parts.map(Not)


def queries(fields: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Query]:
    """Queries of up to five levels."""
    some: st.SearchStrategy[Query] = conditions(fields or st.sampled_from(_NAMES))
    for _ in range(4):
        some = some | _groups(some)
    return some.filter(lambda query: sum(1 for _ in leaves(query)) <= 50)
