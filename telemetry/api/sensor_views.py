"""Sensors over the API."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from devices.api.authentication import DeviceKeyAuthentication
from edge.protocol import sensors as wire
from edge.protocol.errors import ProtocolError
from edge.protocol.messages import SensorReport
from kernel.api.pagination import CursorPage
from kernel.api.permissions import IsDevice
from kernel.api.views import ApiRequest, ApiView
from kernel.errors import NotFound, ValidationFailed
from telemetry import sensor_selectors
from telemetry.api.sensor_serializers import (
    ReportOutcomeBody,
    SensorEntryBody,
    SensorEventBody,
    SensorEventsQuery,
    SensorReportBody,
    SensorsBody,
)
from telemetry.models import DeviceSensorEvent
from telemetry.services import sensing


class SensorReportView(ApiView):
    """Devices report their sensors here."""

    authentication_classes = (DeviceKeyAuthentication,)
    permission_classes = (IsDevice,)

    @extend_schema(
        operation_id="device_sensor_report",
        summary="What the sensors of the calling device say",
        tags=["devices: wire"],
        request=SensorReportBody,
        responses={202: ReportOutcomeBody},
        examples=[
            OpenApiExample(
                "Somebody moves",
                value={
                    "sensors": [
                        {"sensor": "hall", "kind": "motion", "value": True, "event_id": "b1-17"},
                        {"sensor": "air", "kind": "temperature", "value": 21.5, "unit": "°C"},
                    ],
                    "attributes": {"hub_model": "HS-2"},
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: ApiRequest) -> Response:
        """Take in a report; everything is stored when the answer comes.

        The body is that of the message `sensor_report`. Each item gets a verdict and a bad one
        does not hold up the others; 400 only when there is nothing usable in it. An item with an
        `event_id` is stored once, however often it is sent.
        """
        report = _report(request.data)
        if request.actor.device_id is None:
            raise NotFound
        outcome = sensing.record_sensor_report(
            device_id=request.actor.device_id, report=report, now=timezone.now()
        )
        return Response(ReportOutcomeBody(outcome).data, status=status.HTTP_202_ACCEPTED)


class SensorsView(ApiView):
    """What the sensors of a device say now."""

    @extend_schema(
        operation_id="device_sensors",
        summary="The sensors and attributes of a device",
        tags=["sensors"],
        responses=SensorsBody,
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """What each sensor says now, and what the device says of itself; of archived ones too."""
        found = sensor_selectors.sensors_of(actor=request.actor, device_uid=uid)
        return Response(SensorsBody(found).data)


class CustomerSensorsView(SensorsView):
    """The same under the path of the tenants' own interface."""

    @extend_schema(
        operation_id="customer_device_sensors",
        summary="The sensors and attributes of a device",
        tags=["sensors"],
        responses=SensorsBody,
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """As `/devices/{uid}/sensors`."""
        return super().get(request, uid)


class SensorEventPage(CursorPage):
    """Pages of sensor events, newest first."""

    ordering = ("-at", "-pk")


class SensorEventsView(ApiView, generics.ListAPIView[DeviceSensorEvent]):
    """What the sensors of a device said, and an entry for readings by hand."""

    serializer_class = SensorEventBody
    pagination_class = SensorEventPage
    filter_backends = ()

    def get_queryset(self) -> QuerySet[DeviceSensorEvent]:
        """Events the caller asks for and may see."""
        if getattr(self, "swagger_fake_view", False):
            return DeviceSensorEvent.objects.none()
        query = SensorEventsQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        wanted = dict(query.validated_data)
        return sensor_selectors.sensor_events_of(
            actor=self.request.actor,
            device_uid=self.kwargs["uid"],
            since=wanted.pop("from", None),
            until=wanted.pop("to", None),
            **wanted,
        )

    @extend_schema(
        operation_id="device_sensor_events",
        summary="What the sensors of a device said",
        tags=["sensors"],
        parameters=[
            OpenApiParameter("sensor", str),
            OpenApiParameter("kind", str),
            OpenApiParameter("from", OpenApiTypes.DATETIME, description="It and later."),
            OpenApiParameter("to", OpenApiTypes.DATETIME, description="Before it."),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Changes and events of the last 90 days, newest first."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="device_sensor_enter",
        summary="Enter readings by hand or from a third party",
        tags=["sensors"],
        request=SensorEntryBody,
        responses={202: ReportOutcomeBody},
        examples=[
            OpenApiExample(
                "A meter read by hand",
                value={
                    "sensors": [
                        {
                            "sensor": "cellar.meter",
                            "kind": "other",
                            "value": 4711,
                            "unit": "kWh",
                            "event_id": "2026-11-21",
                        }
                    ]
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: ApiRequest, uid: str) -> Response:
        """Take in readings from a person or a third party; they are told apart by their source."""
        outcome = sensing.record_readings_by_hand(
            device_uid=uid, report=_report(request.data), actor=request.actor, now=timezone.now()
        )
        return Response(ReportOutcomeBody(outcome).data, status=status.HTTP_202_ACCEPTED)


def _report(data: Any) -> SensorReport:
    """The report in a body. Raises ValidationFailed when nothing in it can be used."""
    try:
        report = wire.report(data)
    except ProtocolError as refusal:
        raise ValidationFailed(
            details={refusal.field.lstrip("/") or "body": [refusal.message]}
        ) from None
    if not report.sensors and not report.attributes:
        raise ValidationFailed(
            "Nothing in the report can be used.",
            details={f"sensors/{one.index}": [one.reason] for one in report.rejected}
            | {f"attributes/{name}": [why] for name, why in report.rejected_attributes.items()},
        )
    return report
