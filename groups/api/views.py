"""Routes about groups: translate, one call, translate back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from groups import selectors
from groups.api.serializers import (
    CountOutput,
    DynamicGroupInput,
    GroupEdit,
    GroupInput,
    GroupOutput,
    GroupPreviewOutput,
    JournalLine,
    JournalQuery,
    MadeGroupOutput,
    QueryInput,
    SuggestionsOutput,
    SuggestQuery,
    WhyOutput,
)
from groups.models import DeviceGroup, MembershipEvent
from groups.services import grouping, members
from kernel import preconditions
from kernel.api.views import ApiView

_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of the version to change; 412 `precondition_failed` if it is not that.",
)
_BY_FILTER = OpenApiExample(
    "By a filter",
    value={"name": "Berlin", "query_filter": {"status": "ONLINE", "site": "berlin"}},
    request_only=True,
)
_BY_TEXT = OpenApiExample(
    "By a line of text",
    value={"name": "Old lobbies", "query": "tag:lobby and firmware<2.1 and not site:berlin"},
    request_only=True,
)


class GroupsView(ApiView, generics.ListAPIView[DeviceGroup]):
    """The groups of the caller's tenants."""

    serializer_class = GroupOutput
    filter_backends = ()

    def get_queryset(self) -> QuerySet[DeviceGroup]:
        """Groups the caller may see."""
        if getattr(self, "swagger_fake_view", False):
            return DeviceGroup.objects.none()
        return selectors.groups_visible_to(self.request.actor)

    @extend_schema(operation_id="group_list", tags=["groups"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List groups, static and dynamic, newest first."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="group_create",
        tags=["groups"],
        request=GroupInput,
        responses={201: MadeGroupOutput},
        examples=[
            OpenApiExample(
                "Two tills", value={"name": "Tills", "devices": ["3kq9", "x81c"]}, request_only=True
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Make a static group, with up to 10,000 devices in it."""
        body = GroupInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        group, changed = members.create_with_members(
            name=given["name"],
            description=given["description"],
            device_uids=given.get("devices", ()),
            actor=request.actor,
            now=timezone.now(),
        )
        group.unknown = list(changed.unknown)  # type: ignore[attr-defined]
        return _answer(MadeGroupOutput(group).data, group, status.HTTP_201_CREATED)


class DynamicGroupsView(ApiView):
    """Groups by query."""

    @extend_schema(
        operation_id="group_create_dynamic",
        tags=["groups"],
        request=DynamicGroupInput,
        responses={201: GroupOutput},
        examples=[_BY_FILTER, _BY_TEXT],
    )
    def post(self, request: Request) -> Response:
        """Make a group of whatever devices a query finds at the time; 422 says what is wrong in it.

        `query_filter` is flat (every member holds, a list means one of these) or a tree of `all`,
        `any`, `not` and conditions; `query` is one line of text. Give one of them.
        """
        body = DynamicGroupInput(data=request.data)
        body.is_valid(raise_exception=True)
        group = grouping.create_dynamic(
            name=body.validated_data["name"],
            description=body.validated_data["description"],
            definition=body.definition(),
            actor=request.actor,
            now=timezone.now(),
        )
        return _answer(GroupOutput(group).data, group, status.HTTP_201_CREATED)


class CustomerDynamicGroupsView(DynamicGroupsView):
    """The same, under its other address."""

    @extend_schema(
        operation_id="customer_group_create_dynamic",
        tags=["groups"],
        request=DynamicGroupInput,
        responses={201: GroupOutput},
        examples=[_BY_FILTER],
    )
    def post(self, request: Request) -> Response:
        """Make a dynamic group, as `/device-groups/dynamic` does."""
        return super().post(request)


class PreviewView(ApiView):
    """A query, tried out."""

    @extend_schema(
        operation_id="group_preview",
        tags=["groups"],
        request=QueryInput,
        responses=GroupPreviewOutput,
        examples=[OpenApiExample("A line", value={"query": "status:online"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Count the devices that a query finds now, and show the first 50; nothing is kept."""
        body = QueryInput(data=request.data)
        body.is_valid(raise_exception=True)
        definition = body.definition()
        found = selectors.preview(query=definition.query, actor=request.actor, now=timezone.now())
        return Response(
            GroupPreviewOutput(
                {
                    "count": found.count,
                    "query": definition.text,
                    "query_filter": definition.document,
                    "devices": found.first,
                }
            ).data
        )


class SuggestView(ApiView):
    """A query that is being written."""

    @extend_schema(
        operation_id="group_query_suggest",
        tags=["groups"],
        parameters=[SuggestQuery],
        responses=SuggestionsOutput,
    )
    def get(self, request: Request) -> Response:
        """Tell what may be written next: fields, signs, and values that the caller's devices have."""
        query = SuggestQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        text = query.validated_data["query"]
        found = selectors.suggestions(
            text=text, cursor=query.validated_data.get("cursor", len(text)), actor=request.actor
        )
        return Response(SuggestionsOutput(found).data)


class GroupView(ApiView):
    """One group."""

    @extend_schema(operation_id="group_get", tags=["groups"], responses=GroupOutput)
    def get(self, request: Request, uid: str) -> Response:
        """Show a group; the header ETag is its version."""
        group = selectors.group_by_uid(actor=request.actor, uid=uid)
        return _answer(GroupOutput(group).data, group)

    @extend_schema(
        operation_id="group_update",
        tags=["groups"],
        parameters=[_IF_MATCH],
        request=GroupEdit,
        responses=GroupOutput,
        examples=[OpenApiExample("Rename", value={"name": "Foyers"}, request_only=True)],
    )
    def patch(self, request: Request, uid: str) -> Response:
        """Change a group's name, description or query."""
        body = GroupEdit(data=request.data)
        body.is_valid(raise_exception=True)
        group = grouping.update_group(
            group_uid=uid,
            changes=body.changes(),
            if_match=request.headers.get("If-Match"),
            actor=request.actor,
            now=timezone.now(),
        )
        return _answer(GroupOutput(group).data, group)

    @extend_schema(
        operation_id="group_delete",
        tags=["groups"],
        parameters=[_IF_MATCH],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, uid: str) -> Response:
        """Take a group away; its devices stay as they are."""
        grouping.delete_group(
            group_uid=uid,
            if_match=request.headers.get("If-Match"),
            actor=request.actor,
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class CountView(ApiView):
    """The size of one group."""

    @extend_schema(operation_id="group_count", tags=["groups"], responses=CountOutput)
    def get(self, request: Request, uid: str) -> Response:
        """Count the group's devices as they are now."""
        group = selectors.group_by_uid(actor=request.actor, uid=uid)
        found = selectors.devices_in(group=group, actor=request.actor, now=timezone.now())
        return Response(CountOutput({"count": selectors.count(found)}).data)


class WhyView(ApiView):
    """A device and a group."""

    @extend_schema(operation_id="group_why", tags=["groups"], responses=WhyOutput)
    def get(self, request: Request, uid: str, device_uid: str) -> Response:
        """Show whether a device is in a group, and how each condition of the query stands for it."""
        group = selectors.group_by_uid(actor=request.actor, uid=uid)
        found = selectors.why(
            group=group, device_uid=device_uid, actor=request.actor, now=timezone.now()
        )
        return Response(WhyOutput(found).data)


class JournalView(ApiView, generics.ListAPIView[MembershipEvent]):
    """The journal of one group."""

    serializer_class = JournalLine
    filter_backends = ()

    def get_queryset(self) -> QuerySet[MembershipEvent]:
        """Lines about devices the caller may see."""
        if getattr(self, "swagger_fake_view", False):
            return MembershipEvent.objects.none()
        query = JournalQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        group = selectors.group_by_uid(actor=self.request.actor, uid=self.kwargs["uid"])
        return selectors.journal_of(group=group, actor=self.request.actor, **query.validated_data)

    @extend_schema(operation_id="group_journal", tags=["groups"], parameters=[JournalQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show which devices joined the group and left it, when and why, newest first."""
        return self.list(request, *args, **kwargs)


class DeviceGroupsView(ApiView):
    """The groups of one device."""

    @extend_schema(operation_id="device_groups", tags=["groups"], responses=GroupOutput(many=True))
    def get(self, request: Request, uid: str) -> Response:
        """List the groups that a device is in now, static and dynamic, by name."""
        found = selectors.groups_of_device(device_uid=uid, actor=request.actor, now=timezone.now())
        return Response(GroupOutput(found, many=True).data)


def _answer(data: Any, group: DeviceGroup, code: int = status.HTTP_200_OK) -> Response:
    headers = {"ETag": str(preconditions.version_tag(group.version))}
    if code == status.HTTP_201_CREATED:
        headers["Location"] = f"/api/v1/device-groups/{group.uid}"
    return Response(data, status=code, headers=headers)
