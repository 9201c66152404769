"""Read models of batches: one command for many devices, and the form that starts one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.paginator import Page, Paginator

from accounts import selectors as accounts
from accounts.permissions import has_role
from commands import batch_selectors
from commands import selectors as commands
from commands.registry import Kind
from groups import selectors as groups
from kernel import errors
from kernel.actors import Actor
from ops import documents, ledger, wording
from ops import forms as forms_of_list

if TYPE_CHECKING:
    from commands.batch_types import BatchView

PAGE_SIZE = 30
MEMBERS_SIZE = 50
_PARTS = ("succeeded", "failed", "cancelled", "skipped", "open", "pending")
# What the list of members is narrowed to, by the word in the address.
NARROWED: dict[str, dict[str, str]] = {
    "waiting": {"state": "pending"},
    "skipped": {"state": "skipped"},
    "failed": {"outcome": "failed"},
    "succeeded": {"outcome": "succeeded"},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchRow:
    """A batch as lists and its own page show it."""

    view: BatchView
    title: str
    target: str
    group_uid: str
    lasts: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """How many of the devices are where, with where that part of the bar begins, in percent."""

    name: str
    count: int
    begins: float
    width: float


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchMember:
    """One device of a batch and what became of it."""

    device_uid: str
    device: str
    command_id: str
    state: str
    told: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchSheet:
    """Everything the page of a batch shows."""

    row: BatchRow
    parts: Sequence[Part]
    members: Sequence[BatchMember]
    page: Page[Any]
    may_control: bool
    payload_text: str


class PaceForm(forms.Form):
    """How fast devices are asked, and when the batch stops itself."""

    per_minute = forms.IntegerField(required=False, min_value=1, max_value=60_000)
    abort_percent = forms.IntegerField(required=False, min_value=1, max_value=100)
    abort_sample = forms.IntegerField(required=False, min_value=1, max_value=100_000, initial=10)

    def pace(self) -> dict[str, Any]:
        """The input as the order takes it."""
        given = self.cleaned_data
        return {
            "per_minute": given["per_minute"],
            "abort_percent": given["abort_percent"],
            "abort_sample": given["abort_sample"] or 10,
        }


def batches_page(*, actor: Actor, number: str) -> tuple[list[BatchRow], Page[Any]]:
    """One page of the batches of the viewer's tenants, newest first."""
    found = batch_selectors.batches_visible_to(actor).order_by("-pk")
    page = Paginator(found, PAGE_SIZE).get_page(number)
    rows = [_row(batch_selectors.view_of(batch, actor), actor) for batch in page.object_list]
    return rows, page


def batch_sheet(*, actor: Actor, uid: uuid.UUID, shown: str, number: str) -> BatchSheet:
    """A batch of the viewer's and how far it is. Raises NotFound."""
    batch = batch_selectors.batch_by_uid(actor=actor, uid=uid)
    view = batch_selectors.view_of(batch, actor)
    found = batch_selectors.members_of(actor=actor, uid=uid, **NARROWED.get(shown, {}))
    page = Paginator(found.order_by("pk"), MEMBERS_SIZE).get_page(number)
    return BatchSheet(
        row=_row(view, actor),
        parts=_parts(view),
        members=[_member(member) for member in page.object_list],
        page=page,
        may_control=view.finished_at is None and has_role(actor, batch.tenant_id, "operator"),
        payload_text=documents.written(view.payload) if view.payload else "",
    )


def kinds_for_group(*, actor: Actor, uid: str) -> list[Kind]:
    """What the viewer may ask of the devices of a group, by title. Raises NotFound."""
    group = groups.group_by_uid(actor=actor, uid=uid)
    return kinds_in(actor=actor, tenant_id=group.tenant_id)


def kinds_in(*, actor: Actor, tenant_id: int) -> list[Kind]:
    """What the viewer may ask of devices of a tenant, by title."""
    tenant_uid = next(
        (
            row.tenant.uid
            for row in accounts.memberships_of(actor.user_id or 0)
            if row.tenant_id == tenant_id
        ),
        None,
    )
    usable = [
        kind
        for kind, tenant in commands.kinds_usable_by(actor)
        if tenant in {None, tenant_uid} and has_role(actor, tenant_id, kind.role)
    ]
    return sorted(usable, key=lambda kind: kind.title or kind.name)


def _row(view: BatchView, actor: Actor) -> BatchRow:
    target, group_uid = _target(view.target, actor)
    return BatchRow(
        view=view,
        title=wording.action(kind=view.kind, payload=view.payload, relay_names={}),
        target=target,
        group_uid=group_uid,
        lasts="" if not view.seconds_left else wording.lasting(view.seconds_left),
    )


def _target(target: dict[str, Any], actor: Actor) -> tuple[str, str]:
    """Whom a batch is for, in words, and the uid of its group if that is still there."""
    ((name, value),) = target.items()
    if name == "devices":
        return wording.count_of(len(value), "device") + " by name", ""
    if name == "list":
        return forms_of_list.told(value).capitalize(), ""
    if name != "group":
        return (value if isinstance(value, str) else documents.in_line(value)), ""
    try:
        return f"Group {groups.group_by_uid(actor=actor, uid=value).name}", value
    except errors.NotFound:
        return "A group that is gone", ""


def _parts(view: BatchView) -> list[Part]:
    counts = view.counts.as_json()
    total = sum(counts[name] for name in _PARTS) or 1
    parts: list[Part] = []
    begins = 0.0
    for name in _PARTS:
        width = 100 * counts[name] / total
        parts.append(Part(name=name, count=counts[name], begins=begins, width=width))
        begins += width
    return parts


def _member(member: Any) -> BatchMember:
    command = member.command
    told = ""
    if command is not None:
        told = wording.outcome(state=command.state, reason=command.reason, error=command.error)
    elif member.reason:
        told = wording.OUTCOMES.get(member.reason, f"{wording.plain(member.reason).capitalize()}.")
    return BatchMember(
        device_uid=member.device.uid,
        device=member.device.name or member.device.device_id or member.device.uid,
        command_id="" if command is None else str(command.uid),
        state=str(member.state) if command is None else str(command.state),
        told=told,
    )


def kind_choices(kinds: Sequence[Kind]) -> list[tuple[str, str]]:
    """Names and titles of kinds, to choose from."""
    return [(kind.name, ledger.kind_title(kind)) for kind in kinds]
