"""What happened to a device, and why it is as it is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.views import ApiView
from timeline import explaining, merging, selectors
from timeline.api.serializers import (
    DeviceWhyOutput,
    EntryOutput,
    TimelineOutput,
    TimelineQuery,
)
from timeline.selectors.page import LONGEST_PAGE
from timeline.types import Key, Page

_PARAMETERS = [
    OpenApiParameter(
        "source", str, many=True, enum=selectors.SOURCES, description="Only these; else all."
    ),
    OpenApiParameter("before", str, description="Cursor of an entry: what happened before it."),
    OpenApiParameter("after", str, description="Cursor of an entry: what happened after it."),
    OpenApiParameter("since", OpenApiTypes.DATETIME, description="Not older than this."),
    OpenApiParameter("until", OpenApiTypes.DATETIME, description="Older than this."),
    OpenApiParameter("limit", int, description=f"At most so many, up to {LONGEST_PAGE}."),
]


class TimelineView(ApiView):
    """Everything that happened to one device, merged."""

    @extend_schema(
        operation_id="device_timeline",
        tags=["devices"],
        parameters=_PARAMETERS,
        responses=TimelineOutput,
    )
    def get(self, request: Request, uid: str) -> Response:
        """Tell what happened to a device, newest first, from all sources or from some.

        What two sources know of the same thing is told once. Entries are in one strict order, so
        that paging by `older` and `newer` leaves nothing out and tells nothing twice.
        """
        asked = TimelineQuery(data=_plain(request.query_params))
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        _, page = selectors.timeline_of(
            actor=request.actor,
            device_uid=uid,
            sources=given["source"],
            before=given["before"],
            after=given["after"],
            since=given["since"],
            until=given["until"],
            limit=given["limit"],
            now=timezone.now(),
        )
        return Response(
            {
                "items": [EntryOutput(entry).data for entry in page.entries],
                "older": _older(request, page),
                "newer": _newer(request, page),
            }
        )


class WhyView(ApiView):
    """Why one device is as it is."""

    @extend_schema(operation_id="device_why", tags=["devices"], responses=DeviceWhyOutput)
    def get(self, request: Request, uid: str) -> Response:
        """Say in sentences why a device is there or not, in sync or not, and to be switched or not."""
        device, answers = explaining.explain_device(
            actor=request.actor, device_uid=uid, now=timezone.now()
        )
        body = {"device_uid": device.uid, "answers": [asdict(answer) for answer in answers]}
        return Response(DeviceWhyOutput(body).data)


def _plain(parameters: QueryDict) -> dict[str, Any]:
    found: dict[str, Any] = parameters.dict()
    if "source" in parameters:
        found["source"] = parameters.getlist("source")
    return found


def _older(request: Request, page: Page) -> str | None:
    return (
        _beside(request, "before", page.entries[-1].key)
        if page.has_older and page.entries
        else None
    )


def _newer(request: Request, page: Page) -> str | None:
    return _beside(request, "after", page.entries[0].key) if page.entries else None


def _beside(request: Request, side: str, key: Key) -> str:
    parameters = request.query_params.copy()
    parameters.pop("before", None)
    parameters.pop("after", None)
    parameters[side] = merging.cursor_of(key)
    return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")
