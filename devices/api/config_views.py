"""Routes about configurations: translate, one call, translate back."""

from __future__ import annotations

from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from devices import selectors
from devices.api.authentication import DeviceKeyAuthentication
from devices.api.config_serializers import (
    ConfigAppliedInput,
    ConfigDocument,
    ConfigOutput,
    ConfigPatch,
    ConfigQuery,
    ConfigRevisionOutput,
    RestoreInput,
)
from devices.config_types import ConfigView
from devices.selectors import config as config_selectors
from devices.services import config, config_editing
from edge.protocol.messages import ConfigApplied
from kernel import preconditions
from kernel.api.pagination import CursorPage
from kernel.api.parsers import MergePatchParser, StrictJSONParser
from kernel.api.permissions import IsDevice
from kernel.api.views import ApiView

_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description=(
        "The ETag of the version to change: 412 `precondition_failed` if it is not that, 428 "
        "`precondition_required` without."
    ),
)
_DOCUMENT = {
    "relay_names": {"0": "Lamp"},
    "input_config": {"0": {"mode": "toggle", "relay": 0, "debounce_ms": 50}},
    "power_restore_mode": "last",
    "config": {"led": "dim"},
}


class DeviceConfigView(ApiView):
    """The configuration of one device."""

    parser_classes = (StrictJSONParser, MergePatchParser)

    @extend_schema(
        operation_id="device_config_get",
        tags=["devices"],
        parameters=[ConfigQuery],
        responses=ConfigOutput,
    )
    def get(self, request: Request, uid: str) -> Response:
        """Show a device's configuration and whether it is applied; the header ETag is its version.

        With `version` the document is that of an earlier version.
        """
        query = ConfigQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        device = selectors.device_by_uid(actor=request.actor, uid=uid, include_archived=True)
        return _shown(
            config_selectors.config_of(
                device, request.actor, version=query.validated_data.get("version")
            )
        )

    @extend_schema(
        operation_id="device_config_replace",
        tags=["devices"],
        parameters=[_IF_MATCH],
        request=ConfigDocument,
        responses=ConfigOutput,
        examples=[OpenApiExample("All of it", value=_DOCUMENT, request_only=True)],
    )
    def put(self, request: Request, uid: str) -> Response:
        """Replace a device's whole configuration."""
        return _shown(
            config_editing.replace_config(
                device_uid=uid,
                document=cast(dict[str, Any], request.data),
                if_match=request.headers.get("If-Match"),
                actor=request.actor,
                now=timezone.now(),
            )
        )

    @extend_schema(
        operation_id="device_config_update",
        tags=["devices"],
        parameters=[_IF_MATCH],
        request={
            "application/json": ConfigPatch,
            "application/merge-patch+json": ConfigPatch,
        },
        responses=ConfigOutput,
        examples=[
            OpenApiExample(
                "One name, one setting",
                value={"relay_names": {"1": "Fan"}, "config": {"led": None}},
                request_only=True,
            )
        ],
    )
    def patch(self, request: Request, uid: str) -> Response:
        """Merge a patch into a device's configuration (RFC 7396): null removes or resets."""
        return _shown(
            config_editing.patch_config(
                device_uid=uid,
                patch=cast(dict[str, Any], request.data),
                if_match=request.headers.get("If-Match"),
                actor=request.actor,
                now=timezone.now(),
            )
        )


class DeviceConfigRevisionsView(ApiView):
    """The versions of a device's configuration."""

    @extend_schema(
        operation_id="device_config_revisions",
        tags=["devices"],
        responses=ConfigRevisionOutput(many=True),
    )
    def get(self, request: Request, uid: str) -> Response:
        """List the last 200 versions, newest first: who made them, when, and for what cause."""
        device = selectors.device_by_uid(actor=request.actor, uid=uid, include_archived=True)
        pages = CursorPage()
        pages.ordering = "-version"
        found = config_selectors.config_revisions_of(device, request.actor)
        page: Any = pages.paginate_queryset(found, request, view=self)
        return pages.get_paginated_response(ConfigRevisionOutput(page, many=True).data)


class DeviceConfigRestoreView(ApiView):
    """An earlier configuration of one device."""

    @extend_schema(
        operation_id="device_config_restore",
        tags=["devices"],
        parameters=[_IF_MATCH],
        request=RestoreInput,
        responses=ConfigOutput,
        examples=[OpenApiExample("The first", value={"version": 1}, request_only=True)],
    )
    def post(self, request: Request, uid: str) -> Response:
        """Make an earlier version the next one; the present one is sent to the device again."""
        body = RestoreInput(data=request.data)
        body.is_valid(raise_exception=True)
        return _shown(
            config_editing.restore_config(
                device_uid=uid,
                version=body.validated_data["version"],
                if_match=request.headers.get("If-Match"),
                actor=request.actor,
                now=timezone.now(),
            )
        )


class SelfConfigAppliedView(ApiView):
    """What a device says of its configuration over HTTP."""

    authentication_classes = (DeviceKeyAuthentication,)
    permission_classes = (IsDevice,)

    @extend_schema(
        operation_id="device_config_applied",
        tags=["devices: wire"],
        request=ConfigAppliedInput,
        responses=ConfigOutput,
        examples=[OpenApiExample("It works", value={"version": 3}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Say which version the device works by, or which it cannot take and why.

        Once or several times; the answer is the configuration as it is to be.
        """
        body = ConfigAppliedInput(data=request.data)
        body.is_valid(raise_exception=True)
        device = selectors.own_device(actor=request.actor)
        config.confirm(
            device_id=device.pk,
            epoch=None,
            message=ConfigApplied(**body.validated_data),
            now=timezone.now(),
        )
        return _shown(config_selectors.config_of(device, request.actor))


def _shown(view: ConfigView) -> Response:
    tag = str(preconditions.version_tag(view.version))
    return Response(ConfigOutput(view).data, headers={"ETag": tag, "Cache-Control": "no-store"})
