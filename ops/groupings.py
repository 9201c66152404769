"""Read models of groups, and the forms that make and change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms

from accounts.permissions import has_role, one_tenant
from devices import permissions
from devices import selectors as devices
from groups import definitions
from groups import selectors as groups
from groups.query import MAX_TEXT, QueryError, parse_text
from kernel import errors, preconditions
from kernel.actors import Actor
from ops import query_builder, wording

if TYPE_CHECKING:
    from groups.query import Query, Verdict
    from ops.query_builder import Draft

PAGE_SIZE = 50
JOURNAL_SIZE = 15
FIRST = 10
_STATIC, _DYNAMIC = "static", "dynamic"
KINDS = (
    (_DYNAMIC, "By a query", "Whatever devices it finds at each time."),
    (_STATIC, "By name", "The devices you put in, until you take them out."),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRow:
    """A group as lists and its own page show it."""

    uid: str
    name: str
    description: str
    is_dynamic: bool
    query: str
    created_by: str
    created_at: datetime
    etag: str
    owner: str
    owner_uid: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A device of a group."""

    uid: str
    name: str
    connectivity: str
    site: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a query finds now, or what is wrong with it."""

    count: int = 0
    first: Sequence[Member] = ()
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """How one device stands to a query that is being written; `asked` is what was typed."""

    asked: str
    problem: str = ""
    device: str = ""
    device_uid: str = ""
    is_member: bool = False
    conditions: Sequence[Verdict] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryDesk:
    """A query that is being written: its rows, what it finds, and the device it is tried on."""

    draft: Draft
    found: Found | None = None
    tried: Tried | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalLine:
    """A device that joined or left, and why."""

    device_uid: str
    device: str
    has_joined: bool
    at: datetime
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WhyHere:
    """Whether one device is in the group, and how each condition stands for it."""

    device: str
    device_uid: str
    is_member: bool
    since: datetime | None
    conditions: Sequence[Verdict]


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupSheet:
    """Everything the page of a group shows."""

    group: GroupRow
    found: Found
    next_after: str
    why: WhyHere | None
    why_problem: str
    journal: Sequence[JournalLine]
    may_operate: bool
    may_change: bool


class GroupForm(forms.Form):
    """A group to be made or changed."""

    name = forms.CharField(
        max_length=100, strip=True, error_messages={"required": "Give it a name."}
    )
    description = forms.CharField(required=False, max_length=500, strip=True)
    kind = forms.ChoiceField(choices=[(value, label) for value, label, _ in KINDS], required=False)
    query = forms.CharField(required=False, max_length=MAX_TEXT, strip=True)

    def clean(self) -> dict[str, Any]:
        """A group by query needs one."""
        given: dict[str, Any] = super().clean() or {}
        if self.is_dynamic and not given.get("query") and "query" not in self.errors:
            self.add_error("query", "Write which devices belong to it.")
        return given

    @property
    def is_dynamic(self) -> bool:
        """Whether a query says who is in it."""
        return self.data.get("kind", _DYNAMIC) != _STATIC


def group_rows(*, actor: Actor) -> list[GroupRow]:
    """The groups of the viewer's tenants, by name."""
    return [row_of(group) for group in groups.groups_visible_to(actor).order_by("name", "pk")]


def row_of(group: Any) -> GroupRow:
    """A group that the viewer was found to see."""
    return GroupRow(
        uid=group.uid,
        name=group.name,
        description=group.description,
        is_dynamic=group.is_dynamic,
        query=group.query_text,
        created_by=group.created_by,
        created_at=group.created_at,
        etag=str(preconditions.version_tag(group.version)),
        owner=group.tenant.name,
        owner_uid=group.tenant.uid,
    )


def require_maker(*, actor: Actor) -> None:
    """Who makes groups: operators of the one tenant they act in, for all its sites.

    Raises TenantRequired, PermissionDenied.
    """
    tenant_id = one_tenant(actor)
    permissions.require_operate(actor, tenant_id)
    if not actor.may_see_site(tenant_id, None):
        raise errors.PermissionDenied("Who is limited to certain sites makes no groups.")


def may_make(actor: Actor) -> bool:
    """Whether the viewer makes groups in any of the tenants shown."""
    return any(
        has_role(actor, tenant_id, "operator") and actor.may_see_site(tenant_id, None)
        for tenant_id in actor.tenant_ids
    )


def require_member_editor(*, actor: Actor, uid: str) -> GroupRow:
    """The group, for an operator of its tenant. Raises NotFound, PermissionDenied."""
    group = groups.group_by_uid(actor=actor, uid=uid)
    permissions.require_operate(actor, group.tenant_id)
    return row_of(group)


def require_changer(*, actor: Actor, uid: str) -> GroupRow:
    """The group, for who may change what it is. Raises NotFound, PermissionDenied."""
    group = groups.group_by_uid(actor=actor, uid=uid)
    permissions.require_operate(actor, group.tenant_id)
    if not actor.may_see_site(group.tenant_id, None):
        raise errors.PermissionDenied("Who is limited to certain sites changes no groups.")
    return row_of(group)


def preview(*, actor: Actor, text: str, now: datetime) -> Found:
    """What a query finds in the viewer's one tenant now. Raises TenantRequired."""
    try:
        definition = definitions.defined(query=text)
        found = groups.preview(query=definition.query, actor=actor, now=now)
    except errors.ValidationFailed as error:
        return Found(problem=problem_of(error))
    except errors.HomepotError as error:
        if error.code == "query_too_slow":
            return Found(problem=error.message)
        raise
    return Found(count=found.count, first=[_member(device, now) for device in found.first[:FIRST]])


def query_desk(
    *, actor: Actor, text: str, draft: Draft | None, device_uid: str, now: datetime
) -> QueryDesk:
    """What a query that is being written finds, in whichever form it was edited last.

    Raises TenantRequired.
    """
    if not text:
        return QueryDesk(draft=draft or query_builder.nothing())
    if draft is None:
        draft = _draft_of(text)
    is_current = draft.query is not None
    found = preview(actor=actor, text=text, now=now) if is_current or draft.is_behind else None
    tried = None
    if device_uid and draft.query is not None:
        tried, verdict = try_device(actor=actor, query=draft.query, uid=device_uid, now=now)
        if verdict is not None:
            query_builder.judge(draft, verdict)
    return QueryDesk(draft=draft, found=found, tried=tried)


def _draft_of(text: str) -> Draft:
    try:
        return query_builder.draft_of(parse_text(text))
    except QueryError:
        return query_builder.nothing(is_behind=True)


def try_device(*, actor: Actor, query: Query, uid: str, now: datetime) -> tuple[Tried, Any]:
    """How a device the viewer may see stands to a query, and the whole verdict; None without."""
    try:
        device, verdict = groups.try_query(query=query, device_uid=uid, actor=actor, now=now)
    except errors.HomepotError:
        return Tried(asked=uid, problem="There is no such device here."), None
    tried = Tried(
        asked=device.uid,
        device=device.name or device.device_id or device.uid,
        device_uid=device.uid,
        is_member=verdict.is_met,
        conditions=verdict.leaves(),
    )
    return tried, verdict


def problem_of(error: errors.HomepotError) -> str:
    """What is wrong with a query, with the columns."""
    said = [text for texts in error.details.values() if isinstance(texts, list) for text in texts]
    return " ".join(map(str, said)) or error.message


def group_sheet(*, actor: Actor, uid: str, after: str, why: str, now: datetime) -> GroupSheet:
    """A group of the viewer's and who is in it now. Raises NotFound."""
    group = groups.group_by_uid(actor=actor, uid=uid)
    found, next_after = _members(group, actor, after, now)
    reason, problem = _why(group, actor, why, now)
    may_operate = has_role(actor, group.tenant_id, "operator")
    lines = groups.journal_of(group=group, actor=actor)[:JOURNAL_SIZE]
    return GroupSheet(
        group=row_of(group),
        found=found,
        next_after=next_after,
        why=reason,
        why_problem=problem,
        journal=[_line(line) for line in lines],
        may_operate=may_operate,
        may_change=may_operate and actor.may_see_site(group.tenant_id, None),
    )


def _members(group: Any, actor: Actor, after: str, now: datetime) -> tuple[Found, str]:
    found = groups.devices_in(group=group, actor=actor, now=now)
    try:
        number = groups.count(found)
    except errors.HomepotError as error:
        if error.code != "query_too_slow":
            raise
        return Found(problem=error.message), ""
    if after:
        last = devices.devices_visible_to(actor).filter(uid=after).values_list("pk", flat=True)
        found = found.filter(pk__gt=last.first() or 0)
    rows = list(found.order_by("pk")[: PAGE_SIZE + 1])
    page = rows[:PAGE_SIZE]
    next_after = page[-1].uid if len(rows) > PAGE_SIZE else ""
    return Found(count=number, first=[_member(device, now) for device in page]), next_after


def _why(group: Any, actor: Actor, device_uid: str, now: datetime) -> tuple[WhyHere | None, str]:
    if not device_uid:
        return None, ""
    try:
        device = devices.device_by_uid(actor=actor, uid=device_uid)
        found = groups.why(group=group, device_uid=device.uid, actor=actor, now=now)
    except errors.HomepotError:
        return None, "There is no such device here."
    return (
        WhyHere(
            device=device.name or device.device_id or device.uid,
            device_uid=device.uid,
            is_member=found.is_member,
            since=found.since,
            conditions=found.conditions,
        ),
        "",
    )


def _member(device: Any, now: datetime) -> Member:
    return Member(
        uid=device.uid,
        name=device.name or device.device_id or device.uid,
        connectivity=str(devices.connectivity(device, now)),
        site=device.site.name if device.site else "",
    )


def _line(line: Any) -> JournalLine:
    return JournalLine(
        device_uid=line.device.uid,
        device=line.device.name or line.device.device_id or line.device.uid,
        has_joined=line.change == "joined",
        at=line.at,
        why=_told(line.cause),
    )


def _told(cause: dict[str, Any]) -> str:
    """Why a device joined or left, as a sentence."""
    code = str(cause.get("why", ""))
    sentence = wording.MEMBERSHIP_CAUSES.get(code, f"{wording.plain(code).capitalize()}.")
    chain = cause.get("chain") or []
    by = chain[-1].get("label", "") if chain else ""
    changed = [
        f"{one['condition']} {'holds' if one['is_met'] else 'does not hold'}"
        for one in cause.get("changed") or []
    ]
    told = sentence.removesuffix(".") + (f" by {by}" if by else "")
    return f"{told}: {', '.join(changed)}" if changed else told
