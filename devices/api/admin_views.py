"""The device route of platform administrators: translate, one service call, translate back."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from devices import selectors
from devices.api.admin_serializers import AdminDeviceQuery
from devices.api.serializers import DeviceOutput
from devices.querysets import DeviceQuerySet
from devices.services import administration
from kernel.api.pagination import CursorPage
from kernel.api.views import ApiRequest, ApiView

_PAGE = inline_serializer(
    "AdminDevicePage",
    {
        "items": DeviceOutput(many=True),
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
    },
)


class AdminDevicesView(ApiView):
    """The devices of the installation."""

    @extend_schema(
        operation_id="admin_device_list",
        tags=["admin"],
        summary="All devices",
        parameters=[
            AdminDeviceQuery,
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses=_PAGE,
    )
    def get(self, request: ApiRequest) -> Response:
        """Devices of all tenants with the unpaired, the newest first; the look is audited."""
        query = AdminDeviceQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        paginator = CursorPage()

        def take(found: DeviceQuerySet) -> Response:
            page = paginator.paginate_queryset(selectors.with_sync(found), request) or []
            return paginator.get_paginated_response(DeviceOutput(page, many=True).data)

        return administration.look_at_devices(
            wanted=query.wanted(), take=take, actor=request.actor, now=timezone.now()
        )
