"""Telemetry over the API."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from kernel.api.views import ApiRequest, ApiView
from telemetry import selectors
from telemetry.api.serializers import LatestBody, SeriesBody, SeriesQuery

_DEFAULT_SPAN = timedelta(days=1)


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
        }
        return Response(LatestBody(body).data)


class MetricSeries(ApiView):
    """What a device measured over time."""

    @extend_schema(
        operation_id="device_metrics_series",
        summary="Raw values of one metric of a device",
        tags=["telemetry"],
        parameters=[
            OpenApiParameter("metric", str, required=True),
            OpenApiParameter("from", OpenApiTypes.DATETIME, description="A day before `to`."),
            OpenApiParameter("to", OpenApiTypes.DATETIME, description="Now when left out."),
            OpenApiParameter("limit", int, description="1 to 2000, of the newest."),
        ],
        responses=SeriesBody,
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """Values of one metric, oldest first."""
        query = SeriesQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        until = query.validated_data.get("to") or timezone.now()
        metric = query.validated_data["metric"]
        series = selectors.reading_series(
            actor=request.actor,
            device_uid=uid,
            metric=metric,
            since=query.validated_data.get("from") or until - _DEFAULT_SPAN,
            until=until,
            limit=query.validated_data["limit"],
        )
        body = {
            "device_uid": uid,
            "metric": metric,
            "points": series.points,
            "is_truncated": series.is_truncated,
        }
        return Response(SeriesBody(body).data)
