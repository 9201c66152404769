"""Routes about twins: translate, one call, translate back."""

from __future__ import annotations

from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

from devices.api.authentication import DeviceKeyAuthentication
from kernel import preconditions
from kernel.api.parsers import MergePatchParser, StrictJSONParser
from kernel.api.permissions import IsDevice
from kernel.api.views import ApiRequest, ApiView
from kernel.errors import ValidationFailed
from twins import selectors
from twins.api.serializers import (
    DeltaOutput,
    DiffOutput,
    ReceptionOutput,
    TwinOutput,
    TwinPolicyEdit,
    TwinPolicyOutput,
    WholeRevisionOutput,
    delta_body,
    place_in_time,
    section_of,
)
from twins.services import desiring, policies, reporting
from twins.types import TwinView

IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag the change is made to, or `*`; 428 without it, 409 if it is another.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="304 when this is the version."
)
AT = OpenApiParameter(
    "at", str, description="A desired version, or a time (RFC 3339): the twin as it was then."
)
SECTION = OpenApiParameter("section", str, enum=["desired", "reported"])
FROM = OpenApiParameter("from", str, required=True, description="A version or a time.")
TO = OpenApiParameter("to", str, description="A version or a time; the present one without it.")
DESIRED_VERSION = OpenApiParameter(
    "desired_version", int, description="The desired version the device has taken over."
)
PATCHES = {"application/merge-patch+json": dict, "application/json": dict}
PATCH_EXAMPLE = OpenApiExample(
    "Brighter, and no more schedule",
    value={"display": {"brightness": 80}, "schedule": None},
    request_only=True,
)


class DeviceTwinView(ApiView):
    """The twin of one device."""

    @extend_schema(
        operation_id="twin_get",
        tags=["twins"],
        parameters=[AT, IF_NONE_MATCH],
        responses={200: TwinOutput, 304: None},
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """Show what is desired of a device and what it reports; the header ETag is their version."""
        at = request.query_params.get("at")
        if at is not None:
            past = selectors.twin_at(
                actor=request.actor, device_uid=uid, at=place_in_time("at", at)
            )
            return Response(TwinOutput(past).data)
        view = selectors.twin_of(actor=request.actor, device_uid=uid)
        if preconditions.is_unchanged(request.headers.get("If-None-Match"), view.tag):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": view.etag})
        return shown(view)


class DesiredView(ApiView):
    """What is desired of one device."""

    parser_classes = (StrictJSONParser, MergePatchParser)

    @extend_schema(
        operation_id="twin_desired_patch",
        tags=["twins"],
        parameters=[IF_MATCH],
        request=PATCHES,
        responses=TwinOutput,
        examples=[PATCH_EXAMPLE],
    )
    def patch(self, request: ApiRequest, uid: str) -> Response:
        """Merge a patch into what is desired (RFC 7396): null removes, what is left out stays.

        A patch of another version than the present one is 409 `twin_version_conflict`, with what
        was read, what others made of it, what the patch would have made, and both together where
        they touch different places.
        """
        view = desiring.patch_desired(
            device_uid=uid,
            patch=cast(dict[str, Any], request.data),
            if_match=request.headers.get("If-Match"),
            actor=request.actor,
            now=timezone.now(),
        )
        return shown(view)

    @extend_schema(
        operation_id="twin_desired_replace",
        tags=["twins"],
        parameters=[IF_MATCH],
        request=dict,
        responses=TwinOutput,
        examples=[
            OpenApiExample(
                "This and nothing else",
                value={"display": {"brightness": 80}, "volume": 3},
                request_only=True,
            )
        ],
    )
    def put(self, request: ApiRequest, uid: str) -> Response:
        """Desire exactly this document; null is a value in it. Refuses as the patch does."""
        view = desiring.replace_desired(
            device_uid=uid,
            document=cast(dict[str, Any], request.data),
            if_match=request.headers.get("If-Match"),
            actor=request.actor,
            now=timezone.now(),
        )
        return shown(view)


class ReportedView(ApiView):
    """What one device reports."""

    authentication_classes = (DeviceKeyAuthentication,)
    permission_classes = (IsDevice,)
    parser_classes = (StrictJSONParser, MergePatchParser)

    @extend_schema(
        operation_id="twin_reported_patch",
        tags=["devices: wire"],
        parameters=[DESIRED_VERSION],
        request=PATCHES,
        responses=ReceptionOutput,
        examples=[
            OpenApiExample(
                "What it is at", value={"display": {"brightness": 80}}, request_only=True
            )
        ],
    )
    def patch(self, request: ApiRequest, uid: str) -> Response:
        """Merge a patch into what the calling device reports of itself (RFC 7396)."""
        received = reporting.patch_reported(
            device_uid=uid,
            patch=cast(dict[str, Any], request.data),
            desired_version=_version(request.query_params.get("desired_version")),
            actor=request.actor,
            now=timezone.now(),
        )
        return Response(ReceptionOutput(received).data)


class DeltaView(ApiView):
    """How one device differs from what is desired."""

    @extend_schema(operation_id="twin_delta", tags=["twins"], responses=DeltaOutput)
    def get(self, request: ApiRequest, uid: str) -> Response:
        """Compare what is desired with what is reported, place by place, with both times.

        Lists are compared as a whole, 1 is 1.0, null is a value. What the device reports and
        nobody ever desired is no difference.
        """
        view = selectors.delta_of(actor=request.actor, device_uid=uid, now=timezone.now())
        return Response(DeltaOutput(delta_body(view)).data)


class DiffView(ApiView):
    """What changed between two versions."""

    @extend_schema(
        operation_id="twin_diff",
        tags=["twins"],
        parameters=[FROM, TO, SECTION],
        responses=DiffOutput,
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """Compare two versions of one document, each named by its number or by a time."""
        before, after = request.query_params.get("from"), request.query_params.get("to")
        if before is None:
            raise ValidationFailed(details={"from": ["Name a version or a time."]})
        found = selectors.diff_of(
            actor=request.actor,
            device_uid=uid,
            section=section_of(request.query_params.get("section")),
            before=place_in_time("from", before),
            after=None if after is None else place_in_time("to", after),
        )
        return Response(DiffOutput(found).data)


class RevisionView(ApiView):
    """One version."""

    @extend_schema(
        operation_id="twin_revision_get",
        tags=["twins"],
        parameters=[SECTION],
        responses=WholeRevisionOutput,
    )
    def get(self, request: ApiRequest, uid: str, version: int) -> Response:
        """Show a version: who made it, when and why, what it changed, and the whole document."""
        revision, document = selectors.revision_of(
            actor=request.actor,
            device_uid=uid,
            section=section_of(request.query_params.get("section")),
            version=version,
        )
        return Response(WholeRevisionOutput(revision, context={"document": document}).data)


class RestoreView(ApiView):
    """Versions are desired again here."""

    @extend_schema(
        operation_id="twin_revision_restore",
        tags=["twins"],
        parameters=[IF_MATCH],
        request=None,
        responses=TwinOutput,
    )
    def post(self, request: ApiRequest, uid: str, version: int) -> Response:
        """Desire again what was desired in this version; that is a new version."""
        view = desiring.restore_revision(
            device_uid=uid,
            version=version,
            if_match=request.headers.get("If-Match"),
            actor=request.actor,
            now=timezone.now(),
        )
        return shown(view)


class TwinPolicyView(ApiView):
    """What a tenant has set about its twins."""

    @extend_schema(operation_id="twin_policy_get", tags=["twins"], responses=TwinPolicyOutput)
    def get(self, request: ApiRequest) -> Response:
        """Show the settings of my tenant about its twins."""
        return Response(TwinPolicyOutput(policies.policy_for(actor=request.actor)).data)

    @extend_schema(
        operation_id="twin_policy_update",
        tags=["twins"],
        request=TwinPolicyEdit,
        responses=TwinPolicyOutput,
        examples=[
            OpenApiExample("Ten minutes", value={"drift_alert_after_s": 600}, request_only=True)
        ],
    )
    def patch(self, request: ApiRequest) -> Response:
        """Change them, as an admin of the tenant."""
        body = TwinPolicyEdit(data=request.data)
        body.is_valid(raise_exception=True)
        policy = policies.set_policy(**body.validated_data, actor=request.actor, now=timezone.now())
        return Response(TwinPolicyOutput(policy).data)


def shown(view: TwinView) -> Response:
    """A twin with its tag."""
    return Response(TwinOutput(view).data, headers={"ETag": view.etag})


def _version(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise ValidationFailed(details={"desired_version": ["The number of a version."]})
    return int(text)
