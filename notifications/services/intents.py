"""The intent to tell: a row in the transaction of what happened, so that no crash loses it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from devices.types import Happening
from notifications.choices import ChannelState
from notifications.models import Change, Channel

MOST_DEVICES: Final = 500


def note(happenings: Sequence[Happening]) -> None:
    """Write down what happened to tenants that have somebody to be told, for the planner.

    Within the caller's unit of work. Of the others nothing is written; a channel that is made
    later is told of what happens later.
    """
    tenant_ids = {happening.tenant_id for happening in happenings}
    channels = Channel.objects.unscoped("whether anybody is to be told at all")
    listening = channels.filter(tenant_id__in=tenant_ids, state=ChannelState.ACTIVE)
    told = set(listening.order_by().values_list("tenant_id", flat=True).distinct())
    if told:
        heard = [happening for happening in happenings if happening.tenant_id in told]
        Change.objects.bulk_create(list(_changes(heard)))


def _changes(happenings: Sequence[Happening]) -> Iterator[Change]:
    """A sweep of thousands is a few rows: those that differ in their device only go together."""
    alike: dict[tuple[Any, ...], list[Happening]] = defaultdict(list)
    for happening in happenings:
        alike[_but_for_device(happening)].append(happening)
    for group in alike.values():
        device_ids = [one.device_id for one in group if one.device_id is not None]
        for start in range(0, max(len(device_ids), 1), MOST_DEVICES):
            yield _change(group[0], device_ids[start : start + MOST_DEVICES])


_but_for_device = attrgetter(
    *(field.name for field in fields(Happening) if field.name != "device_id")
)


def _change(happening: Happening, device_ids: list[int]) -> Change:
    return Change(
        tenant_id=happening.tenant_id,
        kind=happening.kind,
        device_ids=device_ids,
        site_pk=happening.site_pk,
        is_online=happening.is_online,
        reason=happening.reason[:40],
        count=happening.count,
        total=happening.total,
        began_at=happening.began_at,
        at=happening.at,
    )
