"""Routes about sites: translate, one service call, translate back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from devices import selectors
from devices.api.site_serializers import (
    DepartureInput,
    RegisteredDeviceOutput,
    RemovedSiteOutput,
    SiteDeviceInput,
    SiteEditInput,
    SiteInput,
    SiteOutput,
)
from devices.models import Site
from devices.services import site_registration, site_removal, sites
from devices.services.site_registration import RegisteredDevice
from kernel.api.pagination import CursorPage
from kernel.api.permissions import IsAnyone
from kernel.api.views import ApiView


class SitePage(CursorPage):
    """Pages of sites by name."""

    ordering = ("name", "pk")


class SitesView(ApiView, generics.ListAPIView[Site]):
    """The sites of the caller's tenants."""

    serializer_class = SiteOutput
    pagination_class = SitePage

    def get_queryset(self) -> QuerySet[Site]:
        """Sites the caller may see."""
        if getattr(self, "swagger_fake_view", False):
            return Site.objects.none()
        return selectors.sites_visible_to(self.request.actor)

    @extend_schema(operation_id="site_list", tags=["sites"], responses=SiteOutput(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List sites by name, each with its number of devices and of those online."""
        page = self.paginate_queryset(self.get_queryset())
        shown = SiteOutput(selectors.site_views(page or ()), many=True)
        return self.get_paginated_response(shown.data)

    @extend_schema(
        operation_id="site_create",
        tags=["sites"],
        request=SiteInput,
        responses={201: SiteOutput},
        examples=[
            OpenApiExample(
                "A store",
                value={"site_id": "main-street", "name": "Main Street", "time_zone": "Asia/Tokyo"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Make a site in the chosen tenant."""
        body = SiteInput(data=request.data)
        body.is_valid(raise_exception=True)
        site = sites.create_site(given=body.site(), actor=request.actor, now=timezone.now())
        return Response(_shown(site), status=status.HTTP_201_CREATED)


class SiteDetailView(ApiView):
    """One site."""

    @extend_schema(operation_id="site_get", tags=["sites"], responses=SiteOutput)
    def get(self, request: Request, site_id: str) -> Response:
        """Show a site."""
        return Response(_shown(selectors.site_by_id(actor=request.actor, site_id=site_id)))

    @extend_schema(
        operation_id="site_update",
        tags=["sites"],
        request=SiteEditInput,
        responses=SiteOutput,
        examples=[
            OpenApiExample(
                "It moved",
                value={"address": "1 New Street", "latitude": "52.52", "longitude": "13.405"},
                request_only=True,
            )
        ],
    )
    def patch(self, request: Request, site_id: str) -> Response:
        """Change a site's name, address, time zone or position."""
        body = SiteEditInput(data=request.data)
        body.is_valid(raise_exception=True)
        site = sites.update_site(
            site_id=site_id, changes=body.changes(), actor=request.actor, now=timezone.now()
        )
        return Response(_shown(site))

    @extend_schema(
        operation_id="site_remove",
        tags=["sites"],
        request=None,
        parameters=[
            OpenApiParameter(
                "devices",
                OpenApiTypes.STR,
                description="What becomes of its devices: `unpair` or `move_to:<site_id>`.",
            )
        ],
        responses=RemovedSiteOutput,
    )
    def delete(self, request: Request, site_id: str) -> Response:
        """Remove a site; one with devices says what becomes of them (in the body too)."""
        asked = request.query_params.dict() if "devices" in request.query_params else request.data
        body = DepartureInput(data=asked)
        body.is_valid(raise_exception=True)
        removed = site_removal.remove_site(
            site_id=site_id, **body.departure(), actor=request.actor, now=timezone.now()
        )
        return Response(RemovedSiteOutput(removed).data)


class SiteDevicesView(ApiView):
    """Devices are registered at a site here."""

    permission_classes = (IsAnyone,)
    commits_on_refusal = True

    @extend_schema(
        operation_id="site_register_device",
        tags=["sites"],
        request=SiteDeviceInput,
        responses={201: RegisteredDeviceOutput},
        examples=[
            OpenApiExample(
                "A till",
                value={
                    "device_id": "pos-terminal-001",
                    "name": "Till 1",
                    "device_type": "pos_terminal",
                    "ip_address": "192.0.2.10",
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, site_id: str) -> Response:
        """Register a device at a site and get its key, shown this once.

        For admins of the site's tenant, and for who sends a provisioning key of it in the header
        `X-Provision-Key`. The device then connects with `X-Device-ID` and `X-API-Key`.
        """
        body = SiteDeviceInput(data=request.data)
        body.is_valid(raise_exception=True)
        registered = site_registration.register_at_site(
            site_id=site_id,
            given=body.device(),
            provision_key=request.headers.get("X-Provision-Key", ""),
            keep=lambda made: self.keep_answer(_registered(made)),
            actor=request.actor,
            now=timezone.now(),
        )
        return _registered(registered)


def _registered(registered: RegisteredDevice) -> Response:
    shown = RegisteredDeviceOutput(registered.device, context={"registered": registered})
    return Response(shown.data, status=status.HTTP_201_CREATED)


def _shown(site: Site) -> Any:
    return SiteOutput(selectors.site_views([site])[0]).data
