"""Routes about the devices of a group: translate, one call, translate back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from groups import fact_selectors, member_file, selectors
from groups.api.serializers import FoundDevice, MembersChangedOutput, MembersInput, ModeQuery
from groups.models import DeviceGroup
from groups.services import members
from groups.types import MembersEdit
from kernel.api.parsers import CsvParser, StrictJSONParser
from kernel.api.views import ApiRequest, ApiView


class MembersView(ApiView, generics.ListAPIView[Any]):
    """The devices of one group."""

    serializer_class = FoundDevice
    parser_classes = (StrictJSONParser, CsvParser)
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Any]:
        """The group's devices that the caller may see."""
        if getattr(self, "swagger_fake_view", False):
            return DeviceGroup.objects.none()
        group = selectors.group_by_uid(actor=self.request.actor, uid=self.kwargs["uid"])
        return selectors.members_matching(
            group=group,
            text=self.request.query_params.get("query"),
            actor=self.request.actor,
            now=timezone.now(),
        )

    @extend_schema(
        operation_id="group_members",
        tags=["groups"],
        parameters=[
            OpenApiParameter("query", str, description="Only those that it finds as well.")
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the group's devices as they are now, newest first."""
        with fact_selectors.bounded():
            return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="group_members_change",
        tags=["groups"],
        parameters=[ModeQuery],
        request={"application/json": MembersInput, "text/csv": OpenApiTypes.STR},
        responses=MembersChangedOutput,
        examples=[
            OpenApiExample(
                "One in, one out",
                value={"add": ["3kq9"], "remove": ["x81c"]},
                request_only=True,
                media_type="application/json",
            ),
            OpenApiExample(
                "A spreadsheet",
                value="uid,name\n3kq9,Lobby\n",
                request_only=True,
                media_type="text/csv",
            ),
        ],
    )
    def post(self, request: Request, uid: str) -> Response:
        """Put up to 10,000 devices into a static group and take others out.

        As JSON (`add`, `remove`, or `set` for all of them) or as CSV with a column `uid`, for what
        `mode` says. Uids of no device that you may see change nothing and come back as `unknown`.
        """
        is_csv = request.content_type.startswith(CsvParser.media_type)
        edit = _from_csv(request) if is_csv else _from_json(request)
        changed = members.change_members(
            group_uid=uid, edit=edit, actor=request.actor, now=timezone.now()
        )
        return Response(MembersChangedOutput(changed).data)


class MembersFileView(ApiView):
    """The devices of one group as a spreadsheet."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whatever is accepted: a file is a file, and refusals are JSON."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        operation_id="group_members_file",
        tags=["groups"],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: ApiRequest, uid: str) -> StreamingHttpResponse:
        """Download the group's devices as CSV; no cell is taken for a formula."""
        group = selectors.group_by_uid(actor=request.actor, uid=uid)
        rows = selectors.member_lines(group=group, actor=request.actor, now=timezone.now())
        response = StreamingHttpResponse(member_file.written(rows), content_type="text/csv")
        response["Content-Disposition"] = f'attachment; filename="group-{group.uid}.csv"'
        response["Cache-Control"] = "no-store"
        return response


def _from_json(request: Request) -> MembersEdit:
    body = MembersInput(data=request.data)
    body.is_valid(raise_exception=True)
    return body.edit()


def _from_csv(request: Request) -> MembersEdit:
    query = ModeQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    # An empty body never reaches its parser.
    body = request.data if isinstance(request.data, bytes) else b""
    uids = member_file.uids_of(body, limit=members.MAX_DEVICES)
    mode = query.validated_data["mode"]
    if mode == "set":
        return MembersEdit(only=uids)
    return MembersEdit(add=uids) if mode == "add" else MembersEdit(remove=uids)
