"""Taking a file home."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from exports import selectors
from exports.services import requesting
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """A file on its way: what it is called and is, and its bytes piece by piece."""

    name: str
    media_type: str
    pieces: Iterator[bytes]


def fetch(*, uid: str, actor: Actor, now: datetime) -> Fetched:
    """The actor's file, with an audit entry that they took it. Raises as `file_of`."""
    export = selectors.export_by_uid(actor=actor, uid=uid)
    pieces = selectors.file_of(export=export, actor=actor)
    with unit_of_work():
        after = {"kind": export.kind, "rows": export.done}
        requesting.note(export, "downloaded", actor, now, after)
    return Fetched(
        name=selectors.file_name(export), media_type=selectors.media_type(export), pieces=pieces
    )
