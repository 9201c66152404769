"""Reads about tags."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Count, Q

from devices.models import DeviceTag
from devices.tag_names import Tag
from kernel.actors import Actor


class TagCount(NamedTuple):
    """A tag, and how many devices bear it."""

    tag: str
    key: str
    value: str
    devices: int


def tags_visible_to(actor: Actor, *, beginning: str = "", limit: int = 1_000) -> list[TagCount]:
    """Tags of living devices the actor may see, in order, with how many bear each.

    With `beginning` only those whose text begins so, whatever the case.
    """
    rows = DeviceTag.objects.visible_to(actor).filter(device__is_active=True)
    key, has_value, value = beginning.partition("=")
    if has_value:
        rows = rows.filter(key__iexact=key.strip(), value__istartswith=value.strip())
    elif key.strip():
        rows = rows.filter(Q(key__istartswith=key.strip()))
    counted = rows.order_by("key", "value").values_list("key", "value").annotate(Count("pk"))
    return [
        TagCount(str(Tag(key, value)), key, value, count) for key, value, count in counted[:limit]
    ]
