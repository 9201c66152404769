"""The fields a query may ask about, and what may be asked of each: nothing else is ever read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from edge.protocol.fields import is_metric_name

MAX_PATH: Final = 10
_STEP = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Kind(StrEnum):
    """What the values of a field are."""

    TEXT = "text"
    CHOICE = "choice"
    TRUTH = "truth"
    VERSION = "version"
    SET = "set"
    TIME = "time"
    NUMBER = "number"
    JSON = "json"


_ORDER = ("lt", "lte", "gt", "gte")
OPERATORS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.TEXT: ("eq", "ne", "in", "contains", "starts_with", "exists"),
    Kind.CHOICE: ("eq", "ne", "in"),
    Kind.TRUTH: ("eq", "ne"),
    Kind.VERSION: ("eq", "ne", "in", *_ORDER, "starts_with", "exists"),
    Kind.SET: ("eq", "ne", "in", "exists"),
    Kind.TIME: ("age_gt", "age_lt", *_ORDER, "exists"),
    Kind.NUMBER: ("eq", "ne", "in", *_ORDER, "exists"),
    Kind.JSON: ("eq", "ne", "in", *_ORDER, "contains", "starts_with", "exists"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field: its full name, what it is about, and what may be asked.

    `path` is what stands behind `desired.`, `reported.` and `metric.`. `also` maps other spellings
    of a choice to it.
    """

    name: str
    kind: Kind
    title: str
    values: tuple[str, ...] = ()
    also: Mapping[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    more_operators: tuple[str, ...] = ()

    @property
    def operators(self) -> tuple[str, ...]:
        """What may be asked of it."""
        return OPERATORS[self.kind] + self.more_operators

    @property
    def root(self) -> str:
        """Its name, of one with a path the part before it."""
        return self.name.partition(".")[0] if self.path else self.name


CLASSES: Final = (
    "relay_controller", "ir_hub", "sensor_hub", "hybrid", "server", "pos_terminal", "other",
)  # fmt: skip
_PLAIN = (
    Field(
        name="status",
        kind=Kind.CHOICE,
        title="Online (heard of in time), offline, or unpaired",
        values=("online", "offline", "unpaired"),
    ),
    Field(
        name="connectivity",
        kind=Kind.CHOICE,
        title="Online, stale (online, but silent for long), offline, or never connected",
        values=("online", "stale", "offline", "never_connected"),
        also={"never": "never_connected"},
    ),
    Field(
        name="pairing",
        kind=Kind.CHOICE,
        title="Where it is in its life",
        values=("unclaimed", "paired", "unpaired"),
    ),
    Field(
        name="sync",
        kind=Kind.CHOICE,
        title="Whether it reports what is desired; unknown where nothing ever was",
        values=("in_sync", "drift", "unknown"),
    ),
    Field(name="drift", kind=Kind.TIME, title="Since when it differs from what is desired"),
    Field(name="site", kind=Kind.TEXT, title="The id of its site"),
    Field(name="class", kind=Kind.CHOICE, title="What kind of hardware it is", values=CLASSES),
    Field(name="type", kind=Kind.TEXT, title="Its type, as the hardware calls it"),
    Field(name="model", kind=Kind.TEXT, title="Its model"),
    Field(name="name", kind=Kind.TEXT, title="What people call it"),
    Field(name="uid", kind=Kind.TEXT, title="Its public id"),
    Field(name="device_id", kind=Kind.TEXT, title="What its site calls it"),
    Field(name="hardware", kind=Kind.TEXT, title="The id of the hardware"),
    Field(name="firmware", kind=Kind.VERSION, title="The version it runs"),
    Field(
        name="tag",
        kind=Kind.SET,
        title="A tag: key, or key=value",
        more_operators=("starts_with",),
    ),
    Field(name="capability", kind=Kind.SET, title="Something it can do"),
    Field(name="simulated", kind=Kind.TRUTH, title="Whether it is simulated"),
    Field(name="last_seen", kind=Kind.TIME, title="When it was last heard"),
    Field(name="created", kind=Kind.TIME, title="When it was first registered"),
    Field(name="claimed", kind=Kind.TIME, title="When it got its owner"),
)
FIELDS: Final[Mapping[str, Field]] = {plain.name: plain for plain in _PLAIN}
# A path stands behind these.
ROOTS: Final[Mapping[str, Field]] = {
    "desired": Field(name="desired", kind=Kind.JSON, title="What is desired at a path"),
    "reported": Field(name="reported", kind=Kind.JSON, title="What is reported at a path"),
    "metric": Field(name="metric", kind=Kind.NUMBER, title="The newest value of a metric"),
}
# Names of columns and of older programs.
ALIASES: Final[Mapping[str, str]] = {
    "device_class": "class",
    "device_type": "type",
    "firmware_version": "firmware",
    "hardware_id": "hardware",
    "is_simulated": "simulated",
    "site_id": "site",
    "tags": "tag",
    "capabilities": "capability",
    "last_seen_at": "last_seen",
    "created_at": "created",
    "claimed_at": "claimed",
    "device_uid": "uid",
}


def field_named(name: str) -> Field:
    """The field of that name, an alias or a path. Raises ValueError that says what is wrong."""
    root, dot, path = name.partition(".")
    if dot:
        return _field_at(root.lower(), path)
    plain = root.lower().replace("-", "_")
    found = FIELDS.get(ALIASES.get(plain, plain))
    if found is not None:
        return found
    if plain in ROOTS:
        raise ValueError(f"Write {plain}. and a path behind it, as in {_EXAMPLES[plain]}.")
    near = difflib.get_close_matches(plain, [*FIELDS, *ALIASES], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"There is no field {name[:64]!r}.{hint}")


_EXAMPLES = {
    "desired": "desired.mode",
    "reported": "reported.mode",
    "metric": "metric.cpu_percent",
}


def _field_at(root: str, path: str) -> Field:
    base = ROOTS.get(root)
    if base is None:
        raise ValueError(f"Only {', '.join(ROOTS)} have paths, {root[:64]!r} has none.")
    steps = (path,) if base.kind == Kind.NUMBER else tuple(path.split("."))
    if base.kind == Kind.NUMBER and not is_metric_name(path):
        raise ValueError(f"{path[:64]!r} is no name of a metric.")
    if base.kind == Kind.JSON and not all(map(_STEP.fullmatch, steps)):
        raise ValueError("A path is of letters, digits, _ and -, with dots between.")
    if len(steps) > MAX_PATH:
        raise ValueError(f"A path has at most {MAX_PATH} steps.")
    return Field(name=f"{root}.{path}", kind=base.kind, title=base.title, path=steps)
