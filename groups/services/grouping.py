"""Groups: made, changed and removed."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Final

from django.db import IntegrityError, transaction

from accounts.permissions import one_tenant
from audit.services import recording
from devices import permissions
from groups import definitions, errors, selectors
from groups.choices import GroupKind
from groups.definitions import Definition
from groups.models import DeviceGroup, GroupMember
from groups.types import GroupChanges
from kernel import live, preconditions, tokens
from kernel.actors import Actor
from kernel.errors import NotFound, PermissionDenied, PreconditionFailed, ValidationFailed
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work

MAX_GROUPS: Final = 200
_MAX_NAME, _MAX_DESCRIPTION = 100, 500
_record = partial(recording.record_of, "groups.group", "group")


def create_static(*, name: str, description: str = "", actor: Actor, now: datetime) -> DeviceGroup:
    """Make an empty group for devices by name.

    Raises TenantRequired, PermissionDenied below operator and for who is limited to sites,
    ValidationFailed, GroupExists, TooManyGroups.
    """
    return _create(name, description, None, actor, now)


def create_dynamic(
    *, name: str, description: str = "", definition: Definition, actor: Actor, now: datetime
) -> DeviceGroup:
    """Make a group of whatever devices the query finds at each time. Raises as `create_static`."""
    return _create(name, description, definition, actor, now)


def update_group(
    *,
    group_uid: str,
    changes: GroupChanges,
    if_match: str | None = None,
    actor: Actor,
    now: datetime,
) -> DeviceGroup:
    """Change what is given and leave the rest; the same again changes nothing.

    Raises NotFound, PermissionDenied, PreconditionFailed, ValidationFailed, InvalidQuery,
    GroupExists, and GroupIsStatic for a query that is given to one.
    """
    asks = changes.query is not None or changes.query_filter is not None
    definition = (
        definitions.defined(query=changes.query, query_filter=changes.query_filter)
        if asks
        else None
    )
    with unit_of_work():
        group = locked(group_uid=group_uid, actor=actor)
        _require_all_sites(actor, group.tenant_id)
        _require_version(group, if_match)
        if definition is not None and not group.is_dynamic:
            raise errors.GroupIsStatic
        before = facts_of(group)
        for field in ("name", "description"):
            value = getattr(changes, field)
            if value is not None:
                setattr(group, field, value.strip())
        _check(group)
        if definition is not None and definition.document != group.query:
            _define(group, definition, now)
        elif definition is not None:
            group.query_text = definition.text
        if facts_of(group) != before:
            group.version, group.changed_at = group.version + 1, now
            _save(group)
            _record(group, "updated", before, facts_of(group), actor, now)
            tell(group, now)
    return group


def delete_group(
    *, group_uid: str, if_match: str | None = None, actor: Actor, now: datetime
) -> None:
    """Take a group away; its devices stay. Raises NotFound, PermissionDenied, PreconditionFailed."""
    with unit_of_work():
        group = locked(group_uid=group_uid, actor=actor)
        _require_all_sites(actor, group.tenant_id)
        _require_version(group, if_match)
        group.removed_at, group.sweep_due_at = now, None
        group.save(update_fields=["removed_at", "sweep_due_at"])
        members: Any = GroupMember.objects.unscoped("a group whose lock is held")
        members.filter(group=group).delete()
        _record(group, "deleted", facts_of(group), None, actor, now)
        tell(group, now)


def locked(*, group_uid: str, actor: Actor) -> DeviceGroup:
    """The living group under its lock, for an operator of its tenant.

    Within the caller's unit of work. Raises NotFound, PermissionDenied.
    """
    found = selectors.group_by_uid(actor=actor, uid=group_uid)
    permissions.require_operate(actor, found.tenant_id)
    rows: Any = DeviceGroup.objects.unscoped("found within the actor's scope")
    held = lock_rows(rows.filter(pk=found.pk, removed_at__isnull=True))
    if not held:
        raise NotFound
    group: DeviceGroup = held[0]
    return group


def tell(group: DeviceGroup, now: datetime) -> None:
    """Let browsers fetch the group afresh."""
    live.append(
        tenant_id=group.tenant_id, kind="group_updated", payload={"group_uid": group.uid}, now=now
    )


def facts_of(group: DeviceGroup) -> dict[str, Any]:
    """The group as the audit keeps it."""
    facts = {"name": group.name, "description": group.description, "kind": str(group.kind)}
    return facts | {"query": group.query_text} if group.is_dynamic else facts


def _create(
    name: str, description: str, definition: Definition | None, actor: Actor, now: datetime
) -> DeviceGroup:
    tenant_id = one_tenant(actor)
    permissions.require_operate(actor, tenant_id)
    _require_all_sites(actor, tenant_id)
    group = DeviceGroup(
        uid=tokens.new_public_id(),
        tenant_id=tenant_id,
        name=name.strip(),
        description=description.strip(),
        kind=GroupKind.STATIC if definition is None else GroupKind.DYNAMIC,
        created_at=now,
        created_by=actor.label[:200],
        changed_at=now,
    )
    _check(group)
    if definition is not None:
        _define(group, definition, now)
        group.query_version = 1
    with unit_of_work():
        living = DeviceGroup.objects.unscoped("the actor's one tenant").filter(
            tenant_id=tenant_id, removed_at__isnull=True
        )
        if living.count() >= MAX_GROUPS:
            raise errors.TooManyGroups
        _save(group)
        _record(group, "created", None, facts_of(group), actor, now)
        tell(group, now)
    return group


def _define(group: DeviceGroup, definition: Definition, now: datetime) -> None:
    """Give it the query; the journal looks at it at once."""
    group.query, group.query_text = definition.document, definition.text
    group.query_version += 1
    group.sweep_due_at, group.sweep_error = now, ""


def _save(group: DeviceGroup) -> None:
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError:
        raise errors.GroupExists from None


def _require_all_sites(actor: Actor, tenant_id: int) -> None:
    """A group is the whole tenant's, whatever devices of it one may see."""
    if not actor.may_see_site(tenant_id, None):
        raise PermissionDenied("Who is limited to certain sites makes and changes no groups.")


def _require_version(group: DeviceGroup, if_match: str | None) -> None:
    tag = preconditions.version_tag(group.version)
    try:
        holds = preconditions.if_match_holds(if_match, tag)
    except preconditions.MalformedPrecondition:
        problem = "Send the ETag as you got it."
        raise ValidationFailed(details={"If-Match": [problem]}) from None
    if not holds:
        raise PreconditionFailed(etag=str(tag), current=facts_of(group))


def _check(group: DeviceGroup) -> None:
    wrong: dict[str, list[str]] = {}
    if not 1 <= len(group.name) <= _MAX_NAME:
        wrong["name"] = [f"1 to {_MAX_NAME} characters."]
    if len(group.description) > _MAX_DESCRIPTION:
        wrong["description"] = [f"At most {_MAX_DESCRIPTION} characters."]
    if wrong:
        raise ValidationFailed(details=wrong)
