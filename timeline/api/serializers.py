"""The timeline and its answers as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from timeline import merging
from timeline.selectors import SOURCES
from timeline.selectors.page import LONGEST_PAGE
from timeline.types import Entry


class TimelineQuery(serializers.Serializer[Any]):
    """What a reader may ask of a timeline."""

    source = serializers.ListField(  # type: ignore[assignment]
        child=serializers.ChoiceField(choices=SOURCES), required=False, default=list
    )
    before = serializers.CharField(required=False, default="", max_length=80)
    after = serializers.CharField(required=False, default="", max_length=80)
    since = serializers.DateTimeField(required=False, default=None)
    until = serializers.DateTimeField(required=False, default=None)
    limit = serializers.IntegerField(
        required=False, default=50, min_value=1, max_value=LONGEST_PAGE
    )


class ThingOutput(serializers.Serializer[Any]):
    """Something that can be looked at."""

    kind = serializers.CharField(
        help_text="One of `command`, `batch`, `twin`, `config`, `site`, `device`, `audit`, "
        "`channel`, `window`, `key`."
    )
    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class StepOutput(serializers.Serializer[Any]):
    """One link of what led to what."""

    role = serializers.CharField(help_text="One of `cause`, `command`, `effect`.")
    text = serializers.CharField()
    link = ThingOutput(allow_null=True)


class EntryOutput(serializers.Serializer[Entry]):
    """One thing that happened."""

    id = serializers.CharField(source="uid", help_text="The same on every page that holds it.")
    cursor = serializers.SerializerMethodField()
    at = serializers.DateTimeField()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text=f"One of {', '.join(f'`{name}`' for name in SOURCES)}."
    )
    code = serializers.CharField(help_text="What happened, for programs.")
    title = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    tone = serializers.ChoiceField(choices=("good", "warn", "bad", "busy", "idle"))
    by = serializers.CharField(allow_blank=True)
    via = serializers.CharField(allow_blank=True)
    request_id = serializers.CharField(allow_blank=True)
    links = ThingOutput(many=True)
    chain = StepOutput(many=True, help_text="From the first cause to the last effect.")
    facts = serializers.DictField()

    def get_cursor(self, entry: Entry) -> str:
        """What `before` and `after` take."""
        return merging.cursor_of(entry.key)


class TimelineOutput(serializers.Serializer[Any]):
    """One page of a timeline, newest first."""

    items = EntryOutput(many=True)
    older = serializers.URLField(allow_null=True, help_text="What happened before these.")
    newer = serializers.URLField(
        allow_null=True,
        help_text="What happened after these, by now or later: ask it again and again.",
    )


class ReasonOutput(serializers.Serializer[Any]):
    """One sentence of an answer."""

    code = serializers.CharField()
    text = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    links = ThingOutput(many=True)
    facts = serializers.DictField()


class AnswerOutput(serializers.Serializer[Any]):
    """The answer to one question about a device."""

    subject = serializers.ChoiceField(choices=("connectivity", "sync", "control"))
    question = serializers.CharField()
    state = serializers.CharField()
    tone = serializers.ChoiceField(choices=("good", "warn", "bad", "busy", "idle"))
    summary = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    reasons = ReasonOutput(many=True, help_text="What explains it, the nearest first.")
    advice = ReasonOutput(many=True, help_text="What can be done, the best first.")


class DeviceWhyOutput(serializers.Serializer[Any]):
    """Why a device is as it is."""

    device_uid = serializers.CharField()
    answers = AnswerOutput(many=True)
