"""Routes about connections and uptime: translate, one call, translate back."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from devices import selectors
from devices.api.connectivity_serializers import (
    ConnectionOutput,
    ConnectionsQuery,
    SiteOutageOutput,
    StatusesOutput,
    StatusInput,
    UptimeOutput,
)
from kernel.api.views import ApiView


class ConnectionsView(ApiView):
    """The connectivity log of one device."""

    @extend_schema(
        operation_id="device_connections",
        tags=["presence"],
        parameters=[ConnectionsQuery],
        responses=ConnectionOutput(many=True),
    )
    def get(self, request: Request, uid: str) -> Response:
        """Show when a device came and went, newest first; a time of flapping is one item."""
        query = ConnectionsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        device = selectors.device_by_uid(actor=request.actor, uid=uid, include_archived=True)
        found = selectors.connections_of(device=device, actor=request.actor, **query.validated_data)
        return Response(ConnectionOutput(found, many=True).data)


class CustomerConnectionsView(ConnectionsView):
    """The same, under its other address."""

    @extend_schema(
        operation_id="customer_device_connections",
        tags=["presence"],
        parameters=[ConnectionsQuery],
        responses=ConnectionOutput(many=True),
    )
    def get(self, request: Request, uid: str) -> Response:
        """Show when a device came and went, as `/devices/{uid}/connections` does."""
        return super().get(request, uid)


class DeviceUptimeView(ApiView):
    """Uptime of one device."""

    @extend_schema(operation_id="device_uptime", tags=["presence"], responses=UptimeOutput)
    def get(self, request: Request, uid: str) -> Response:
        """Show a device's uptime and outages of a day, a week and 30 days."""
        device = selectors.device_by_uid(actor=request.actor, uid=uid, include_archived=True)
        return Response(UptimeOutput(selectors.uptime_of(device, timezone.now())).data)


class SiteUptimeView(ApiView):
    """Uptime of a site's devices together."""

    @extend_schema(operation_id="site_uptime", tags=["presence"], responses=UptimeOutput)
    def get(self, request: Request, site_id: str) -> Response:
        """Show the uptime of a site's living devices together."""
        site = selectors.site_by_id(actor=request.actor, site_id=site_id)
        found = selectors.uptime_of_site(site_pk=site.pk, actor=request.actor, now=timezone.now())
        return Response(UptimeOutput(found).data)


class SiteOutagesView(ApiView):
    """Outages of one site."""

    @extend_schema(
        operation_id="site_outages", tags=["presence"], responses=SiteOutageOutput(many=True)
    )
    def get(self, request: Request, site_id: str) -> Response:
        """Show the last 100 times in which nearly all devices of a site were lost at once."""
        site = selectors.site_by_id(actor=request.actor, site_id=site_id)
        found = selectors.site_outages_of(site_pk=site.pk, actor=request.actor)
        return Response(SiteOutageOutput(found, many=True).data)


class UptimeView(ApiView):
    """Uptime of all devices together."""

    @extend_schema(
        operation_id="uptime",
        tags=["presence"],
        parameters=[OpenApiParameter("group", str, description="Only the devices of this group.")],
        responses=UptimeOutput,
    )
    def get(self, request: Request) -> Response:
        """Show the uptime of all living devices that the caller may see, or a group's, together."""
        group, now = request.query_params.get("group"), timezone.now()
        if group is None:
            found = selectors.uptime_of_all(actor=request.actor, now=now)
        else:
            found = selectors.uptime_of_narrowed(
                by="group", value=group, actor=request.actor, now=now
            )
        return Response(UptimeOutput(found).data)


class StatusView(ApiView):
    """How many devices stand, in one call."""

    @extend_schema(
        operation_id="device_statuses",
        tags=["presence"],
        request=StatusInput,
        responses=StatusesOutput,
        examples=[OpenApiExample("Two", value={"device_ids": ["3kq9", "x81c"]}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Show how up to 1,000 devices stand; it reads only, POST because of the many ids."""
        body = StatusInput(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data["device_ids"]
        found = selectors.statuses(actor=request.actor, uids=asked, now=timezone.now())
        known = {status.uid for status in found}
        unknown = sorted(set(asked) - known)
        return Response(StatusesOutput({"devices": found, "unknown": unknown}).data)
