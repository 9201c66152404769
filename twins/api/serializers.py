"""What the twin routes take and give."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from devices.choices import Sync
from kernel.errors import ValidationFailed
from twins import stamps
from twins.choices import Origin, Section
from twins.history import Change
from twins.models import TwinPolicy, TwinRevision
from twins.pointers import MISSING
from twins.types import DeltaEntry, DeltaView, DiffView, Named, TwinView

_MAX_VERSION = 2**63 - 1


@extend_schema_field(OpenApiTypes.OBJECT)
class DocumentField(serializers.JSONField):
    """A JSON object."""


@extend_schema_field(OpenApiTypes.ANY)
class ValueField(serializers.Field[Any, Any, Any, Any]):
    """Any JSON value."""

    def to_representation(self, value: Any) -> Any:
        """The value as it is."""
        return value


class TimesOutput(serializers.Serializer[Any]):
    """When each leaf got its value, as trees in the shape of the documents."""

    desired = DocumentField()
    reported = DocumentField()


class TwinOutput(serializers.Serializer[TwinView]):
    """Both documents of a device."""

    device_uid = serializers.CharField()
    desired = DocumentField()
    desired_version = serializers.IntegerField()
    desired_at = serializers.DateTimeField(allow_null=True)
    desired_by = serializers.CharField(allow_blank=True)
    reported = DocumentField(
        allow_null=True, help_text="Null: of a time of which it is no longer kept."
    )
    reported_version = serializers.IntegerField(allow_null=True)
    reported_at = serializers.DateTimeField(allow_null=True)
    applied_version = serializers.IntegerField(
        allow_null=True, help_text="The desired version that the device says it has taken over."
    )
    applied_at = serializers.DateTimeField(allow_null=True)
    in_sync = serializers.BooleanField(allow_null=True)
    sync = serializers.ChoiceField(choices=Sync.choices, allow_null=True)
    drift_since = serializers.DateTimeField(allow_null=True)
    times = serializers.SerializerMethodField()
    as_of = serializers.DateTimeField(
        allow_null=True, help_text="Until when it was so, if `at` asked for the past."
    )

    @extend_schema_field(TimesOutput(allow_null=True))
    def get_times(self, view: TwinView) -> dict[str, Any] | None:
        """When each leaf got its value; not of the past."""
        if view.desired_stamps is None or view.reported_stamps is None:
            return None
        return {
            "desired": stamps.readable(view.desired_stamps),
            "reported": stamps.readable(view.reported_stamps),
        }


class DeltaEntryOutput(serializers.Serializer[DeltaEntry]):
    """One place; `desired` or `reported` is left out where there is no such value."""

    path = serializers.CharField(help_text="JSON Pointer (RFC 6901).")
    desired = ValueField(required=False)
    reported = ValueField(required=False)
    desired_at = serializers.DateTimeField(allow_null=True)
    reported_at = serializers.DateTimeField(allow_null=True)
    age_s = serializers.FloatField(allow_null=True)

    def to_representation(self, instance: DeltaEntry) -> dict[str, Any]:
        """The place, without the values that are missing."""
        values = {"desired": instance.desired, "reported": instance.reported}
        return {
            "path": instance.path,
            **{name: value for name, value in values.items() if value is not MISSING},
            "desired_at": _iso(instance.desired_at),
            "reported_at": _iso(instance.reported_at),
            "age_s": instance.age_s,
        }


class DeltaOutput(serializers.Serializer[Any]):
    """How a device differs from what is desired of it; what it only reports is not among it."""

    device_uid = serializers.CharField()
    desired_version = serializers.IntegerField()
    reported_version = serializers.IntegerField()
    in_sync = serializers.BooleanField()
    sync = serializers.ChoiceField(choices=Sync.choices)
    drift_since = serializers.DateTimeField(allow_null=True)
    added = DeltaEntryOutput(many=True, help_text="Desired, and the device does not have it.")
    removed = DeltaEntryOutput(
        many=True, help_text="Desired once and no more, and the device still has it."
    )
    changed = DeltaEntryOutput(many=True)
    unchanged = DeltaEntryOutput(many=True)


class ChangeOutput(serializers.Serializer[Change]):
    """One changed place; `old` or `new` is left out where there was or is nothing."""

    path = serializers.CharField(help_text="JSON Pointer (RFC 6901).")
    old = ValueField(required=False)
    new = ValueField(required=False)

    def to_representation(self, instance: Change) -> dict[str, Any]:
        """The change, without the values that are missing."""
        return instance.as_json()


class RevisionOutput(serializers.ModelSerializer[TwinRevision]):
    """One version in a list: who made it, when and why, and what it changed."""

    cause = serializers.ListField(child=serializers.DictField())
    origin = serializers.ChoiceField(choices=Origin.choices)
    section = serializers.ChoiceField(choices=Section.choices)
    changed = serializers.SerializerMethodField()
    paths = serializers.SerializerMethodField()

    class Meta:
        model = TwinRevision
        fields: Any = (
            "section", "version", "at", "by", "origin", "restored", "cause", "changed", "paths",
        )  # fmt: skip
        read_only_fields: Any = fields

    def get_changed(self, revision: TwinRevision) -> int:
        """How many places it changed."""
        return len(revision.changes)

    def get_paths(self, revision: TwinRevision) -> list[str]:
        """The first 50 of them."""
        return [change["path"] for change in revision.changes[:50]]


class WholeRevisionOutput(RevisionOutput):
    """One version with everything that it changed, and the document it made."""

    changes = ChangeOutput(many=True)
    document = serializers.SerializerMethodField()

    class Meta(RevisionOutput.Meta):
        fields: Any = (*RevisionOutput.Meta.fields, "changes", "document")
        read_only_fields: Any = fields

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_document(self, revision: TwinRevision) -> Any:
        """The document as this version made it."""
        return self.context["document"]

    def to_representation(self, instance: TwinRevision) -> dict[str, Any]:
        """The version; its changes are kept as they are shown."""
        shown: dict[str, Any] = RevisionOutput(instance).data
        return shown | {"changes": instance.changes, "document": self.get_document(instance)}


class NamedOutput(serializers.Serializer[Named]):
    """A version of a document."""

    version = serializers.IntegerField()
    at = serializers.DateTimeField(allow_null=True)
    document = DocumentField()


class DiffOutput(serializers.Serializer[DiffView]):
    """What lies between two versions."""

    section = serializers.ChoiceField(choices=Section.choices)
    before = NamedOutput()
    after = NamedOutput()
    changes = ChangeOutput(many=True)
    patch = DocumentField(
        allow_null=True,
        help_text="The merge patch (RFC 7396) from one to the other; null where none can say it.",
    )


class ReceptionOutput(serializers.Serializer[Any]):
    """What became of a report, and which desired version waits for the device."""

    is_changed = serializers.BooleanField()
    reported_version = serializers.IntegerField()
    desired_version = serializers.IntegerField()
    applied_version = serializers.IntegerField()


class TwinPolicyOutput(serializers.ModelSerializer[TwinPolicy]):
    """What a tenant has set about its twins."""

    class Meta:
        model = TwinPolicy
        fields = ("machines_need_if_match", "drift_alert_after_s")


class TwinPolicyEdit(serializers.Serializer[Any]):
    """What is to be set; what is left out stays."""

    machines_need_if_match = serializers.BooleanField(
        required=False, help_text="Whether automations too must name the version they change."
    )
    drift_alert_after_s = serializers.IntegerField(
        required=False,
        help_text="How long a device may drift before somebody is told; 0: nobody is.",
    )


def section_of(text: str | None) -> Section:
    """The document that a query names; the desired one unless it says otherwise."""
    try:
        return Section(text or Section.DESIRED)
    except ValueError:
        raise ValidationFailed(details={"section": ["desired or reported."]}) from None


def place_in_time(name: str, text: str) -> int | datetime:
    """A version, or a time in RFC 3339. Raises ValidationFailed."""
    if text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_VERSION)):
        return int(text)
    try:
        # A + in an address is a space unless it was encoded.
        moment = parse_datetime(text.replace(" ", "+") if "T" in text else text)
        if moment is not None:
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise ValidationFailed(details={name: ["A version, or a time like 2026-11-21T20:00:00Z."]})


def delta_body(view: DeltaView) -> dict[str, Any]:
    """A delta by its verdicts."""
    groups: dict[str, list[DeltaEntry]] = {
        "added": [], "removed": [], "changed": [], "unchanged": [],
    }  # fmt: skip
    for entry in view.entries:
        groups[entry.verdict.value].append(entry)
    return {
        "device_uid": view.device_uid,
        "desired_version": view.desired_version,
        "reported_version": view.reported_version,
        "in_sync": not (groups["added"] or groups["removed"] or groups["changed"]),
        "sync": view.sync,
        "drift_since": view.drift_since,
        **groups,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
