"""Read models of the past of a twin and of a configuration: one version, beside any other one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.dateparse import parse_datetime

from devices import selectors as devices
from devices.selectors import config as configurations
from kernel import errors, preconditions
from kernel.actors import Actor
from ops import collisions, documents, selectors, settings_sheets
from ops import twins as pages
from ops.rails import Rail, rail_of
from twins import selectors as twins
from twins.choices import Section
from twins.types import TwinView

# As many versions as a list to choose from stays readable with.
OFFERED: Final = 50
_MAX_DIGITS = 18


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What leads from one version to another one."""

    other: int
    steps: Sequence[collisions.Step]


@dataclass(frozen=True, kw_only=True, slots=True)
class FormerTwin:
    """A twin as it was in a version or at a time; `restoring` is what desiring it again would do."""

    card: selectors.DeviceCard
    may_edit: bool
    view: TwinView
    present_etag: str
    is_present: bool
    made: Any
    desired_text: str
    reported_text: str | None
    steps: Sequence[collisions.Step]
    comparison: Comparison
    restoring: Sequence[collisions.Step]
    versions: Sequence[Any]
    rail: Rail


@dataclass(frozen=True, kw_only=True, slots=True)
class FormerConfig:
    """A configuration as it was; `restoring` is what setting it so again would do."""

    card: selectors.DeviceCard
    may_edit: bool
    version: settings_sheets.ConfigVersion
    present_etag: str
    text: str
    comparison: Comparison
    restoring: Sequence[collisions.Step]
    versions: Sequence[settings_sheets.ConfigVersion]
    rail: Rail


def former_twin(*, actor: Actor, uid: str, at: str, other: str, now: datetime) -> FormerTwin:
    """The twin as it was in a desired version, or at a time, beside another version of it.

    Raises NotFound, RevisionGone.
    """
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    view = twins.twin_at(actor=actor, device_uid=device.uid, at=_place_in_time(at))
    present = twins.twin_of(actor=actor, device_uid=device.uid)
    here = view.desired_version
    made, _ = _revision(actor, device, here)
    found = twins.revisions_of(actor=actor, device_uid=device.uid, section=Section.DESIRED)
    named = number_in(other)
    against = present.desired_version if named is None else named
    compared = present.desired if against == present.desired_version else _revision(
        actor, device, against
    )[1]  # fmt: skip
    return FormerTwin(
        card=selectors.device_card(device, now=now),
        may_edit=pages.may_edit(actor, device),
        view=view,
        present_etag=present.etag,
        is_present=here == present.desired_version,
        made=made,
        desired_text=documents.written(view.desired),
        reported_text=None if view.reported is None else documents.written(view.reported),
        steps=[
            collisions.Step(
                path=change["path"],
                before=documents.in_line(change["old"]) if "old" in change else "",
                after=documents.in_line(change["new"]) if "new" in change else "",
            )
            for change in made.changes
        ],
        comparison=Comparison(
            other=against, steps=collisions.steps_between(view.desired, compared)
        ),
        restoring=collisions.steps_between(present.desired, view.desired),
        versions=[pages.version_of(row, present.desired_version) for row in found[:OFFERED]],
        rail=rail_of(found, here=here, present=present.desired_version, begins_at_nothing=True),
    )


def former_config(*, actor: Actor, uid: str, at: str, other: str, now: datetime) -> FormerConfig:
    """A configuration as it was in a version, beside another version of it. Raises NotFound."""
    device = devices.device_by_uid(actor=actor, uid=uid, include_archived=True)
    here = number_in(at)
    if here is None:
        raise errors.NotFound
    row = configurations.config_revision(device, actor, here)
    present = configurations.config_of(device, actor)
    named = number_in(other)
    against = present.version if named is None else named
    compared = configurations.config_of(device, actor, version=against).document
    found = configurations.config_revisions_of(device, actor).order_by("-version")
    return FormerConfig(
        card=selectors.device_card(device, now=now),
        may_edit=pages.may_edit(actor, device),
        version=settings_sheets.version_of(row, present.version),
        present_etag=str(preconditions.version_tag(present.version)),
        text=documents.written(row.document),
        comparison=Comparison(
            other=against, steps=collisions.steps_between(row.document, compared)
        ),
        restoring=collisions.steps_between(present.document, row.document),
        versions=[settings_sheets.version_of(one, present.version) for one in found[:OFFERED]],
        rail=rail_of(found, here=here, present=present.version, begins_at_nothing=False),
    )


def number_in(text: str) -> int | None:
    """The version that an address names; None for what is none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if is_number else None


def _revision(actor: Actor, device: Any, version: int) -> tuple[Any, dict[str, Any]]:
    return twins.revision_of(
        actor=actor, device_uid=device.uid, section=Section.DESIRED, version=version
    )


def _place_in_time(text: str) -> int | datetime:
    """A version, or a time. Raises NotFound for what is neither."""
    if (number := number_in(text)) is not None:
        return number
    try:
        # A + in an address is a space unless it was encoded.
        moment = parse_datetime(text.replace(" ", "+") if "T" in text else text)
        if moment is None:
            raise errors.NotFound
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise errors.NotFound from None
