"""What the routes of groups take and give."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from devices import selectors as devices
from devices.choices import Connectivity, Pairing
from groups.choices import GroupKind, MembershipChange
from groups.definitions import Definition, defined
from groups.query import MAX_TEXT
from groups.services.members import MAX_DEVICES
from groups.types import GroupChanges, MembersEdit

_UID_HELP = "Uids of devices; those of none that you may see come back as `unknown`."


@extend_schema_field(OpenApiTypes.OBJECT)
class FilterField(serializers.JSONField):
    """A filter: flat (`{"status": "ONLINE"}`) or a tree of all, any, not and conditions."""


def _uids() -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=64),
        max_length=MAX_DEVICES,
        required=False,
        help_text=_UID_HELP,
    )


class GroupInput(serializers.Serializer[Any]):
    """A static group to be made."""

    name = serializers.CharField(max_length=100)
    description = serializers.CharField(
        max_length=500, required=False, allow_blank=True, default=""
    )
    devices = _uids()


class QueryInput(serializers.Serializer[Any]):
    """A query, in one of its forms."""

    query_filter = FilterField(required=False)
    query = serializers.CharField(
        max_length=MAX_TEXT,
        required=False,
        help_text="As one line: `status:online and not tag:lobby`.",
    )

    def definition(self) -> Definition:
        """What is to be found. Raises InvalidQuery."""
        given = self.validated_data
        return defined(query_filter=given.get("query_filter"), query=given.get("query"))


class DynamicGroupInput(QueryInput):
    """A dynamic group to be made."""

    name = serializers.CharField(max_length=100)
    description = serializers.CharField(
        max_length=500, required=False, allow_blank=True, default=""
    )


class GroupEdit(serializers.Serializer[Any]):
    """An edit of a group; what is left out stays."""

    name = serializers.CharField(max_length=100, required=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    query_filter = FilterField(required=False)
    query = serializers.CharField(max_length=MAX_TEXT, required=False)

    def changes(self) -> GroupChanges:
        """The validated input for the service."""
        return GroupChanges(**self.validated_data)


class GroupOutput(serializers.Serializer[Any]):
    """A group. Who is in it is asked apart: it is found at the time."""

    uid = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    kind = serializers.ChoiceField(choices=GroupKind.choices)
    query = serializers.SerializerMethodField()
    query_filter = serializers.SerializerMethodField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    changed_at = serializers.DateTimeField()
    tenant_uid = serializers.CharField(source="tenant.uid")
    journal_error = serializers.CharField(
        source="sweep_error", help_text="Why the journal cannot follow the group; empty if it can."
    )

    def get_query(self, group: Any) -> str | None:
        """The query as text; null for a static group."""
        return group.query_text if group.is_dynamic else None

    @extend_schema_field({"type": "object", "nullable": True, "additionalProperties": {}})
    def get_query_filter(self, group: Any) -> Any:
        """The query as a tree; null for a static group."""
        return group.query


class MemberSite(serializers.Serializer[Any]):
    """The site a device stands at."""

    slug = serializers.CharField(source="site_id")
    name = serializers.CharField()


class FoundDevice(serializers.Serializer[Any]):
    """A device of a group; `GET /devices/{uid}` has the rest of it."""

    uid = serializers.CharField()
    device_id = serializers.CharField()
    name = serializers.CharField()
    device_class = serializers.CharField()
    model = serializers.CharField()
    firmware_version = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    site = MemberSite(allow_null=True)
    pairing = serializers.ChoiceField(choices=Pairing.choices)
    connectivity = serializers.SerializerMethodField()
    last_seen_at = serializers.DateTimeField(source="presence.last_seen_at", allow_null=True)
    is_simulated = serializers.BooleanField()

    def get_connectivity(self, device: Any) -> Connectivity:
        """Online, stale, offline or never connected, as of now."""
        return Connectivity(devices.connectivity(device, timezone.now()))


class CountOutput(serializers.Serializer[Any]):
    """How many devices there are."""

    count = serializers.IntegerField()


class GroupPreviewOutput(serializers.Serializer[Any]):
    """What a group of that query would have now: how many devices, and the first of them."""

    count = serializers.IntegerField()
    query = serializers.CharField(help_text="The query as one line.")
    query_filter = FilterField(help_text="The query as a tree.")
    devices = FoundDevice(many=True)


class SuggestQuery(serializers.Serializer[Any]):
    """A query that somebody is writing."""

    query = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=MAX_TEXT, trim_whitespace=False
    )
    cursor = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_TEXT,
        help_text="Where they write; the end without it.",
    )


class SuggestionOutput(serializers.Serializer[Any]):
    """A text that may be put in, and what it means."""

    text = serializers.CharField()
    title = serializers.CharField()


class SuggestionsOutput(serializers.Serializer[Any]):
    """What may stand in place of the text from `start` to `end`."""

    start = serializers.IntegerField()
    end = serializers.IntegerField()
    items = SuggestionOutput(many=True)


class ModeQuery(serializers.Serializer[Any]):
    """What a file of devices is for."""

    mode = serializers.ChoiceField(choices=("add", "remove", "set"), required=False, default="add")


class MembersInput(serializers.Serializer[Any]):
    """Devices to be put into a static group and taken out of it."""

    add = _uids()
    remove = _uids()

    def get_fields(self) -> dict[str, Any]:
        """Also `set`, which no attribute can be called."""
        return {**super().get_fields(), "set": _uids()}

    def edit(self) -> MembersEdit:
        """The validated input for the service."""
        given = self.validated_data
        return MembersEdit(
            add=given.get("add", ()), remove=given.get("remove", ()), only=given.get("set")
        )


class MembersChangedOutput(serializers.Serializer[Any]):
    """What became of an edit of members."""

    joined = serializers.IntegerField()
    left = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    unknown = serializers.ListField(child=serializers.CharField())


class MadeGroupOutput(GroupOutput):
    """A static group as it was made."""

    unknown = serializers.ListField(child=serializers.CharField())


class ConditionOutput(serializers.Serializer[Any]):
    """How one condition of the query stands for a device."""

    pointer = serializers.CharField(help_text="Where it stands in the tree.")
    text = serializers.CharField()
    field = serializers.CharField()
    op = serializers.CharField()
    expected = serializers.JSONField(allow_null=True)
    is_met = serializers.BooleanField()
    actual = serializers.JSONField(allow_null=True, help_text="What the device has in truth.")
    is_missing = serializers.BooleanField(help_text="The device has nothing there.")


class WhyOutput(serializers.Serializer[Any]):
    """Whether a device is in a group, and why or why not."""

    is_member = serializers.BooleanField()
    conditions = ConditionOutput(many=True, help_text="Of a dynamic group, from left to right.")
    since = serializers.DateTimeField(allow_null=True, help_text="When the journal noticed.")
    cause = serializers.JSONField(allow_null=True, help_text="Of the last line of the journal.")


class JournalQuery(serializers.Serializer[Any]):
    """Which lines of a journal are asked for."""

    device = serializers.CharField(required=False, max_length=64, help_text="Uid of a device.")
    change = serializers.ChoiceField(choices=MembershipChange.choices, required=False)
    since = serializers.DateTimeField(required=False)


class JournalLine(serializers.Serializer[Any]):
    """A device joined a group, or left it."""

    device_uid = serializers.CharField(source="device.uid")
    device_name = serializers.CharField(source="device.name")
    change = serializers.ChoiceField(choices=MembershipChange.choices)
    at = serializers.DateTimeField(help_text="When it was noticed: of a query, up to 60 s after.")
    cause = serializers.JSONField(help_text="`why`, and what was otherwise in `changed`.")
