"""Routes about the fleet as a whole: translate, one call, translate back."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from fleet import selectors
from fleet.api.serializers import (
    AttentionOutput,
    AttentionQuery,
    FleetOverviewOutput,
    TrendOutput,
    TrendQuery,
)
from kernel.api.views import ApiView


class OverviewView(ApiView):
    """The fleet in numbers."""

    @extend_schema(operation_id="fleet_overview", tags=["fleet"], responses=FleetOverviewOutput)
    def get(self, request: Request) -> Response:
        """Count the caller's devices: by connectivity and sync, by site, by firmware."""
        found = selectors.overview(actor=request.actor, now=timezone.now())
        return Response(FleetOverviewOutput(found).data)


class AttentionView(ApiView):
    """What needs somebody."""

    @extend_schema(
        operation_id="fleet_attention",
        tags=["fleet"],
        parameters=[AttentionQuery],
        responses=AttentionOutput,
    )
    def get(self, request: Request) -> Response:
        """List what needs somebody, the most urgent first: each need gives its longest in turn."""
        query = AttentionQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = selectors.attention(actor=request.actor, now=timezone.now(), **query.validated_data)
        return Response(AttentionOutput(found).data)


class TrendsView(ApiView):
    """How the figures have been."""

    @extend_schema(
        operation_id="fleet_trends",
        tags=["fleet"],
        parameters=[TrendQuery],
        responses=TrendOutput,
    )
    def get(self, request: Request) -> Response:
        """Show the course of the fleet's figures, tallied every 15 minutes and kept 32 days."""
        query = TrendQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        given = query.validated_data
        found = selectors.trend(
            actor=request.actor,
            range_name=given["range"],
            counting=given["count"],
            now=timezone.now(),
        )
        return Response(TrendOutput(found).data)
