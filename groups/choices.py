"""Fixed sets of values of groups."""

from __future__ import annotations

from django.db import models


class GroupKind(models.TextChoices):
    """Static: devices by name. Dynamic: whatever devices a query finds at the time."""

    STATIC = "static"
    DYNAMIC = "dynamic"


class MembershipChange(models.TextChoices):
    """What a line of the journal tells."""

    JOINED = "joined"
    LEFT = "left"


class Why(models.TextChoices):
    """What made a device join or leave."""

    # Somebody put it into a static group, or took it out.
    EDITED = "edited"
    # The group is new: these are its first members.
    GROUP_CREATED = "group_created"
    # The group's query was changed.
    QUERY_CHANGED = "query_changed"
    # The device is new to the tenant.
    DEVICE_NEW = "device_new"
    # What the query asks about is otherwise at the device now.
    FACTS_CHANGED = "facts_changed"
    # The life of the device ended.
    DEVICE_GONE = "device_gone"
