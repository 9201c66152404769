"""What the routes about tags take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from devices.services.tagging import TagEdit
from devices.tag_names import MAX_TAG, MAX_TAGS


class TagsQuery(serializers.Serializer[Any]):
    """Which tags are asked for."""

    beginning = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=MAX_TAG,
        help_text="Only tags that begin so, whatever the case; with a `=` that key's values.",
    )


class TagOutput(serializers.Serializer[Any]):
    """A tag and how many devices bear it."""

    tag = serializers.CharField(help_text="`key` or `key=value`, as devices show it.")
    key = serializers.CharField()
    value = serializers.CharField()
    devices = serializers.IntegerField()


def _tags(help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=MAX_TAG),
        max_length=MAX_TAGS,
        required=False,
        help_text=help_text,
    )


class TagEditInput(serializers.Serializer[Any]):
    """What becomes of tags."""

    add = _tags("A tag takes the place of another value of its key.")
    remove = _tags("`key` whatever its value, `key=value` only with that value.")

    def get_fields(self) -> dict[str, Any]:
        """Also `set`, which no attribute can be called."""
        whole = _tags("All tags from now on; in place of add and remove.")
        return {**super().get_fields(), "set": whole}

    def edit(self) -> TagEdit:
        """The validated input for the service."""
        given = self.validated_data
        return TagEdit(
            add=given.get("add", ()), remove=given.get("remove", ()), only=given.get("set")
        )
