"""What the palette and the tray of long work answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class PaletteQuery(serializers.Serializer[Any]):
    """What was typed; nothing asks for the pages."""

    q = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class PaletteEntry(serializers.Serializer[Any]):
    """One line of the palette; of kind `relay` it is something to switch, else a page."""

    kind = serializers.CharField(help_text="page, device, relay, group, site or person.")
    title = serializers.CharField()
    detail = serializers.CharField()
    icon = serializers.CharField()
    url = serializers.CharField(help_text="Where it leads; empty for a relay.")
    state = serializers.CharField(help_text="The connectivity of a device.")
    device_uid = serializers.CharField()
    relay_index = serializers.IntegerField(allow_null=True)
    is_on = serializers.BooleanField(allow_null=True)


class PaletteOutput(serializers.Serializer[Any]):
    """What goes by the text, the likeliest kinds first."""

    items = PaletteEntry(many=True)


class WorkOutput(serializers.Serializer[Any]):
    """One piece of long work."""

    kind = serializers.CharField(help_text="enrolment, batch or export.")
    uid = serializers.CharField()
    title = serializers.CharField()
    state = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    tone = serializers.CharField(help_text="busy, good, warn, bad or idle.")
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    url = serializers.CharField()
    begun_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class WorkListOutput(serializers.Serializer[Any]):
    """Long work of the caller's that is under way or ended within the hour, newest first."""

    items = WorkOutput(many=True)
