"""The route of readings over HTTP as Django knows it: the description, and the reference.

Under the product's own server ordinary calls never come here, the raw door takes them; under
another server all do, and are answered alike, each with a transaction of its own.
"""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.response import Response

from devicelink.http import intake
from devicelink.http.serializers import DeviceMetricsInput, DeviceMetricsOutput
from devicelink.ingest import flushing
from devicelink.ingest.arrivals import Arrival
from devices.services import contacts
from kernel import errors
from kernel.api.parsers import UndecodedParser
from kernel.api.permissions import IsDevice
from kernel.api.views import ApiRequest, ApiView
from kernel.metrics import INGEST_REQUESTS

_BATCH = {
    "boot_id": "5f2c",
    "readings": [
        {"seq": 41, "at": "2026-11-21T09:00:00Z", "metrics": {"cpu_percent": 12.5}},
        {"seq": 42, "at": "2026-11-21T09:00:10Z", "metrics": {"cpu_percent": 13.0}},
    ],
}


class DeviceMetrics(ApiView):
    """Takes in what a device measured; the root of the product says how it is authenticated."""

    permission_classes = (IsDevice,)
    parser_classes = (UndecodedParser,)
    reads_idempotency_key = True

    @extend_schema(
        operation_id="device_metrics_ingest",
        summary="Store readings of the calling device",
        description=(
            "Answered after they are committed. Readings with `boot_id` and `seq` are stored once "
            "however often they are sent; those of a device that keeps no counter are when they "
            "come with an Idempotency-Key and the same body. The body may be compressed "
            "(`Content-Encoding: gzip`)."
        ),
        tags=["devices: wire"],
        request=DeviceMetricsInput,
        responses={202: DeviceMetricsOutput},
        examples=[OpenApiExample("A batch", value=_BATCH, request_only=True)],
    )
    def post(self, request: ApiRequest) -> Response:
        """Store and say what became of each."""
        body = request.data if isinstance(request.data, bytes) else b""
        telemetry = intake.read(
            body,
            encoding=request.headers.get("Content-Encoding", ""),
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        caller = contacts.caller_of(
            request.device_facts, name=request.headers.get("X-Device-ID", "")
        )
        (verdict,) = flushing.store([Arrival(sender=caller, telemetry=telemetry, size=len(body))])
        if verdict is None:
            # The key was voided between the check and the commit.
            raise errors.InvalidCredentials
        if isinstance(verdict, errors.HomepotError):
            raise verdict
        answer = intake.accepted_body(telemetry, verdict, timezone.now())
        INGEST_REQUESTS.labels(code="accepted").inc()
        return Response(answer, status=202)
