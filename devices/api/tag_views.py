"""Routes about tags of devices: translate, one call, translate back."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from devices.api.serializers import DeviceOutput
from devices.api.tag_serializers import TagEditInput, TagOutput, TagsQuery
from devices.selectors.tags import tags_visible_to
from devices.services import tagging
from kernel.api.views import ApiView


class TagsView(ApiView):
    """Tags in use."""

    @extend_schema(
        operation_id="tag_list",
        tags=["tags"],
        parameters=[TagsQuery],
        responses=TagOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the tags of the caller's devices with how many bear each; the first 1,000."""
        query = TagsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = tags_visible_to(request.actor, beginning=query.validated_data["beginning"])
        return Response(TagOutput(found, many=True).data)


class DeviceTagsView(ApiView):
    """Tags of one device."""

    @extend_schema(
        operation_id="device_tags_change",
        tags=["tags"],
        request=TagEditInput,
        responses=DeviceOutput,
        examples=[
            OpenApiExample(
                "To the second floor",
                value={"add": ["floor=2"], "remove": ["stock"]},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, uid: str) -> Response:
        """Add and remove tags of a device and leave the others, or `set` all of them."""
        body = TagEditInput(data=request.data)
        body.is_valid(raise_exception=True)
        device = tagging.change_tags_of(
            device_uid=uid, edit=body.edit(), actor=request.actor, now=timezone.now()
        )
        return Response(DeviceOutput(device).data)
