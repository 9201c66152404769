"""How files are shown that people asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from exports import selectors
from exports.choices import ExportState
from kernel.actors import Actor
from ops import forms

SHOWN: Final = 50
_WORDS: Final = {
    ExportState.QUEUED: ("Waiting", "idle"),
    ExportState.RUNNING: ("Being made", "busy"),
    ExportState.READY: ("Ready", "good"),
    ExportState.FAILED: ("Failed", "bad"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportRow:
    """One file and how far it is."""

    uid: str
    title: str
    of: str
    columns: Sequence[str]
    state: str
    label: str
    tone: str
    problem: str
    done: int
    total: int
    size: int
    file_format: str
    created_at: datetime
    expires_at: datetime

    @property
    def is_ready(self) -> bool:
        """Whether it can be fetched."""
        return self.state == ExportState.READY

    @property
    def is_open(self) -> bool:
        """Whether it is still being made."""
        return self.state in {ExportState.QUEUED, ExportState.RUNNING}


def rows(*, actor: Actor) -> list[ExportRow]:
    """The viewer's files, newest first."""
    return [
        ExportRow(
            uid=export.uid,
            title=selectors.title_of(export),
            of=", ".join(
                f"{forms.FILTER_LABELS.get(name, name)} {value}"
                for name, value in export.choice.items()
            )
            or "All",
            columns=export.columns,
            state=str(export.state),
            label=_WORDS[export.state][0],
            tone=_WORDS[export.state][1],
            problem=export.problem,
            done=export.done,
            total=export.total,
            size=export.size,
            file_format=str(export.file_format).upper(),
            created_at=export.created_at,
            expires_at=export.expires_at,
        )
        for export in selectors.exports_of(actor)[:SHOWN]
    ]
