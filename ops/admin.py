"""Asking devices for something from the admin: the ledger's kinds, and the forms of their schemas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.http import QueryDict

from accounts.permissions import has_role
from commands import selectors as commands
from commands.batch_types import BatchOrder
from commands.registry import Kind
from commands.services import batching, requesting
from kernel.actors import Actor
from kernel.admin import deeds
from kernel.admin.deed_pages import LAST_STEP
from kernel.admin.deeds import Deed, Doing, Done
from ops import ledger
from ops.payload_forms import PayloadForm

_KIND: Final = "kind"


class _KindForm(forms.Form):
    """Which kind of command; the next step asks for what belongs to it."""

    step = _KIND
    kind = forms.ChoiceField(label="What to ask for")

    def __init__(self, *args: Any, kinds: Sequence[Kind], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            (kind.name, ledger.kind_title(kind)) for kind in kinds
        ]


class _AskForm(PayloadForm):
    """What is asked of the devices; the kind travels with it."""

    step = LAST_STEP
    kind_name = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, kind: Kind, **kwargs: Any) -> None:
        super().__init__(*args, kind=kind, initial={"kind_name": kind.name}, **kwargs)
        self.order_fields([one.name for one in self.payload_fields()])


def _kinds(rows: Sequence[Any], actor: Actor) -> list[Kind]:
    """What devices of one tenant may be asked for, by title."""
    tenants = {row.tenant_id for row in rows}
    if len(tenants) != 1:
        return []
    (tenant_id,) = tenants
    owner = rows[0].tenant.uid if rows[0].tenant else ""
    usable = [
        kind
        for kind, tenant in commands.kinds_usable_by(actor)
        if tenant in {None, owner} and has_role(actor, tenant_id, kind.role)
    ]
    return sorted(usable, key=lambda kind: kind.title or kind.name)


def _form(rows: Sequence[Any], actor: Actor, data: QueryDict | None, step: str) -> forms.Form:
    kinds = {kind.name: kind for kind in _kinds(rows, actor)}
    wanted = "" if data is None else data.get("kind" if step == _KIND else "kind_name", "")
    kind = kinds.get(wanted)
    if kind is None:
        return _KindForm(data if step == _KIND else None, kinds=list(kinds.values()))
    return _AskForm(data if step == LAST_STEP else None, kind=kind)


def _ask(doing: Doing) -> Done:
    """One device by a command, several by a batch, which goes on without this page."""
    form = doing.form
    if not isinstance(form, PayloadForm):
        raise TypeError("The last step has the form of a kind.")
    wanted: dict[str, Any] = {
        "kind": form.kind.name,
        "payload": form.payload(),
        **form.terms(),
    }
    title = ledger.kind_title(form.kind)
    if len(doing.rows) == 1:
        (row,) = doing.rows
        command = requesting.request_command(
            device_uid=row.uid, **wanted, actor=doing.actor, now=doing.now
        )
        return Done(done=[f"{title} for {row}: {command.state}."])
    order = BatchOrder(target={"devices": [row.uid for row in doing.rows]}, **wanted)
    batch = batching.create_batch(order=order, actor=doing.actor, now=doing.now)
    return Done(done=[f"{title}: batch {batch.id} asks {batch.total} devices."])


deeds.register(
    Deed(
        model="devices.device",
        name="command",
        label="Send a command",
        told="Goes through the ledger like every other command. Several devices, all of one "
        "tenant, are asked by a batch.",
        act=_ask,
        make_form=_form,
        most=deeds.MANY,
        applies=lambda row: row.is_active and row.tenant_id is not None,
    )
)
