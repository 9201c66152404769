"""Routes about tags of many devices: translate, one call, translate back."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from groups.api.serializers import FilterField
from groups.services import tagging
from groups.types import Selection
from kernel.api.views import ApiView

_MAX_TAG, _MAX_TAGS, _MAX_DEVICES = 100, 50, 10_000


def _tags(help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=_MAX_TAG),
        max_length=_MAX_TAGS,
        required=False,
        help_text=help_text,
    )


class BulkTagInput(serializers.Serializer[Any]):
    """Which devices, in one of four ways, and what becomes of their tags."""

    devices = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=_MAX_DEVICES, required=False
    )
    group = serializers.CharField(max_length=64, required=False, help_text="Uid of a group.")
    query = serializers.CharField(required=False)
    query_filter = FilterField(required=False)
    add = _tags("A tag takes the place of another value of its key.")
    remove = _tags("`key` whatever its value, `key=value` only with that value.")

    def get_fields(self) -> dict[str, Any]:
        """Also `set`, which no attribute can be called."""
        whole = _tags("All tags from now on; in place of add and remove.")
        return {**super().get_fields(), "set": whole}

    def selection(self) -> Selection:
        """Which devices are meant."""
        given = self.validated_data
        names = ("devices", "group", "query", "query_filter")
        return Selection(**{name: given.get(name) for name in names})


class TaggedOutput(serializers.Serializer[Any]):
    """What became of the tags."""

    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    too_many_tags = serializers.ListField(
        child=serializers.CharField(), help_text="Uids of devices that would have more than 50."
    )


class BulkTaggedOutput(TaggedOutput):
    """What became of the tags of many devices."""

    unknown = serializers.ListField(
        child=serializers.CharField(), help_text="Uids of no device that you may see."
    )


class RenameInput(serializers.Serializer[Any]):
    """Another name for a tag."""

    old = serializers.CharField(max_length=_MAX_TAG)
    new = serializers.CharField(max_length=_MAX_TAG)


class GroupName(serializers.Serializer[Any]):
    """A group by its names."""

    uid = serializers.CharField()
    name = serializers.CharField()


class RenamedOutput(TaggedOutput):
    """What became of the tag."""

    groups = GroupName(
        many=True, help_text="Dynamic groups whose queries still ask for the old name."
    )


class TagsBulkView(ApiView):
    """Tags of many devices."""

    # Each 500 devices are a transaction of their own; a repeat changes nothing more.
    commits_on_refusal = True

    @extend_schema(
        operation_id="tag_bulk",
        tags=["tags"],
        request=BulkTagInput,
        responses=BulkTaggedOutput,
        examples=[
            OpenApiExample(
                "All that are online",
                value={"query": "status:online", "add": ["seen=november"]},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Change the tags of up to 10,000 devices: by uid, of a group, or that a query finds.

        500 devices change together; when it breaks off, the same request does the rest.
        """
        body = BulkTagInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        found = tagging.tag_selected(
            selection=body.selection(),
            add=given.get("add", ()),
            remove=given.get("remove", ()),
            only=given.get("set"),
            actor=request.actor,
            now=timezone.now(),
        )
        return Response(BulkTaggedOutput(found).data)


class TagRenameView(ApiView):
    """Another name for a tag."""

    commits_on_refusal = True

    @extend_schema(
        operation_id="tag_rename",
        tags=["tags"],
        request=RenameInput,
        responses=RenamedOutput,
        examples=[
            OpenApiExample("A key", value={"old": "storey", "new": "floor"}, request_only=True)
        ],
    )
    def post(self, request: Request) -> Response:
        """Call a tag otherwise on all devices of the tenant.

        `key` renames the key and leaves the values, `key=value` only that tag. Groups that ask for
        the old name are named; their queries stay as they are.
        """
        body = RenameInput(data=request.data)
        body.is_valid(raise_exception=True)
        renamed = tagging.rename(**body.validated_data, actor=request.actor, now=timezone.now())
        return Response(RenamedOutput(renamed).data)
