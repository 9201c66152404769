"""Telemetry over the API."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from kernel.api.views import ApiRequest, ApiView
from telemetry import chart_selectors, selectors
from telemetry.api.metric_serializers import ChartQuery, chart_json
from telemetry.api.metric_views import SPAN, span_of
from telemetry.api.serializers import LatestBody, SeriesBody, SeriesQuery

_SERIES: dict[str, Any] = {
    "summary": "Metrics of a device over time",
    "description": (
        "With `points` or several metrics: buckets without a hole, from the finest tier that fits "
        "(`resolution` and `tier` say which), gaps as nulls; the ends move outwards to whole "
        "buckets. Otherwise the readings of one metric as they came."
    ),
    "tags": ["telemetry"],
    "parameters": [
        OpenApiParameter("metric", str, required=True, many=True, description="At most 10."),
        *SPAN,
        OpenApiParameter("points", int, description="2 to 2000 buckets at most."),
        OpenApiParameter("limit", int, description="1 to 2000 readings, of the newest."),
    ],
    "responses": SeriesBody,
}


class LatestMetrics(ApiView):
    """What a device measured last."""

    @extend_schema(
        operation_id="device_metrics_latest",
        summary="The newest reading of a device",
        tags=["telemetry"],
        responses=LatestBody,
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """The newest reading."""
        latest = selectors.latest_of(actor=request.actor, device_uid=uid)
        body = {
            "device_uid": uid,
            "metrics": latest.metrics if latest else {},
            "at": latest.at if latest else None,
            "received_at": latest.received_at if latest else None,
            "clock": latest.clock if latest else None,
        }
        return Response(LatestBody(body).data)


class MetricSeries(ApiView):
    """What a device measured over time."""

    @extend_schema(operation_id="device_metrics_series", **_SERIES)
    def get(self, request: ApiRequest, uid: str) -> Response:
        """Buckets, or values of one metric; oldest first."""
        query = SeriesQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        metrics = request.query_params.getlist("metric")
        if len(metrics) > 1 or "points" in request.query_params:
            return self._chart(request, uid, metrics)
        since, until = span_of(query.validated_data, timezone.now())
        series = selectors.reading_series(
            actor=request.actor,
            device_uid=uid,
            metric=metrics[0],
            since=since,
            until=until,
            limit=query.validated_data["limit"],
        )
        body = {
            "device_uid": uid,
            "metric": metrics[0],
            "points": series.points,
            "is_truncated": series.is_truncated,
            "resolution": "raw",
            "tier": "raw",
            "bucket_seconds": None,
            "from": since,
            "to": until,
            "series": [],
        }
        return Response(SeriesBody(body).data)

    def _chart(self, request: ApiRequest, uid: str, metrics: list[str]) -> Response:
        query = ChartQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        now = timezone.now()
        since, until = span_of(query.validated_data, now)
        chart = chart_selectors.chart(
            actor=request.actor,
            device_uid=uid,
            metrics=metrics,
            since=since,
            until=until,
            points=query.validated_data["points"],
            now=now,
        )
        start = {"device_uid": uid, "metric": metrics[0], "points": [], "is_truncated": False}
        return Response(start | chart_json(chart))


class CustomerMetricSeries(MetricSeries):
    """The same under the path of the tenants' own interface."""

    @extend_schema(operation_id="customer_device_metrics_series", **_SERIES)
    def get(self, request: ApiRequest, uid: str) -> Response:
        """Buckets, or values of one metric; oldest first."""
        return super().get(request, uid)
