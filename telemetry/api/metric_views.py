"""Charts, names, aggregates and exports over the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from kernel.api.views import ApiRequest, ApiView
from telemetry import chart_selectors, exporting, fleet_selectors
from telemetry.api.metric_serializers import (
    ExportQuery,
    FleetBody,
    FleetQuery,
    MetricNamesBody,
    fleet_json,
)

DEFAULT_SPAN = timedelta(days=1)
SPAN = [
    OpenApiParameter("from", OpenApiTypes.DATETIME, description="A day before `to`."),
    OpenApiParameter("to", OpenApiTypes.DATETIME, description="Now when left out."),
]
_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


def span_of(query: dict[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """The span that a query asks for."""
    until = query.get("to") or now
    return query.get("from") or until - DEFAULT_SPAN, until


class MetricNames(ApiView):
    """Which metrics a device has."""

    @extend_schema(
        operation_id="device_metric_names",
        summary="Which metrics a device has",
        description="By name, at most 500, each with its last value.",
        tags=["telemetry"],
        responses=MetricNamesBody,
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """The names."""
        found = chart_selectors.metric_names(actor=request.actor, device_uid=uid)
        return Response(MetricNamesBody({"device_uid": uid, "metrics": found}).data)


class MetricExport(ApiView):
    """What a device measured, as a file."""

    @extend_schema(
        operation_id="device_metrics_export",
        summary="What a device measured, as CSV or JSON Lines",
        description=(
            "One line for each value (`resolution=raw`, in order of time) or bucket (`5m`, `1h`, by "
            "metric, then by time). Sent while it is read."
        ),
        tags=["telemetry"],
        parameters=[
            *SPAN,
            OpenApiParameter("metric", str, many=True, description="All when left out."),
            OpenApiParameter("resolution", str, enum=["raw", "5m", "1h"]),
            OpenApiParameter("format", str, enum=["csv", "jsonl"]),
        ],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/jsonl"): OpenApiTypes.STR,
        },
    )
    def get(self, request: ApiRequest, uid: str) -> StreamingHttpResponse:
        """The file."""
        query = ExportQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        since, until = span_of(asked, timezone.now())
        found = exporting.export(
            actor=request.actor,
            device_uid=uid,
            metrics=request.query_params.getlist("metric"),
            since=since,
            until=until,
            resolution=asked["resolution"],
            form=asked["format"],
        )
        response = StreamingHttpResponse(found.pieces, content_type=_TYPES[asked["format"]])
        name = f"{found.device_uid}-metrics.{asked['format']}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["Cache-Control"] = "no-store"
        return response


class FleetMetrics(ApiView):
    """A metric over many devices."""

    @extend_schema(
        operation_id="analytics_fleet",
        summary="Aggregates of a metric over devices",
        description=(
            "Over the caller's devices, without simulated ones. Percentiles (`p50`, `p95`, `p99`) "
            "are over the means of buckets, not over single readings."
        ),
        tags=["telemetry"],
        parameters=[
            OpenApiParameter("metric", str, required=True),
            *SPAN,
            OpenApiParameter("group_by", str, enum=fleet_selectors.GROUPINGS),
            OpenApiParameter("fn", str, description="By commas; all when left out."),
            OpenApiParameter("include_unpaired", bool),
            OpenApiParameter("include_simulated", bool),
        ],
        responses=FleetBody,
    )
    def get(self, request: ApiRequest) -> Response:
        """The aggregates."""
        query = FleetQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked, now = query.validated_data, timezone.now()
        since, until = span_of(asked, now)
        answer = fleet_selectors.fleet(
            actor=request.actor,
            metric=asked["metric"],
            since=since,
            until=until,
            now=now,
            group_by=asked["group_by"],
            functions=asked.get("fn") or fleet_selectors.FUNCTIONS,
            include_unpaired=asked["include_unpaired"],
            include_simulated=asked["include_simulated"],
        )
        return Response(fleet_json(answer, metric=asked["metric"], group_by=asked["group_by"]))
