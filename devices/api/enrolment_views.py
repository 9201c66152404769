"""Routes of bulk enrolment: translate, one service call, translate back."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from devices import enrolment_file, enrolment_rows, selectors
from devices.api.enrolment_serializers import (
    CheckedOutput,
    EnrolmentChoices,
    EnrolmentInput,
    EnrolmentOutput,
    KeysInput,
    RowOutput,
    RowQuery,
    StartedOutput,
    verdicts,
)
from devices.models import Enrolment, EnrolmentRow
from devices.services import enrolling, enrolment_keys
from devices.services.enrolling import DeviceList
from kernel.api.pagination import CursorPage
from kernel.api.parsers import CsvParser, StrictJSONParser
from kernel.api.views import ApiView


class EnrolmentsView(ApiView, generics.ListAPIView[Enrolment]):
    """Bulk enrolments of the caller's tenants."""

    serializer_class = EnrolmentOutput
    pagination_class = CursorPage
    parser_classes = (StrictJSONParser, CsvParser)
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Enrolment]:
        """Enrolments the caller may see."""
        if getattr(self, "swagger_fake_view", False):
            return Enrolment.objects.none()
        return selectors.enrolments_visible_to(self.request.actor)

    @extend_schema(operation_id="enrolment_list", tags=["enrolments"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List bulk enrolments, newest first."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="enrolment_create",
        tags=["enrolments"],
        parameters=[EnrolmentChoices],
        request={"application/json": EnrolmentInput, "text/csv": OpenApiTypes.STR},
        responses={201: CheckedOutput},
        examples=[
            OpenApiExample(
                "Two terminals",
                value={
                    "mode": "api_key",
                    "site": "store-1",
                    "rows": [
                        {"device_id": "pos-1", "name": "Till 1", "device_class": "pos_terminal"},
                        {"device_id": "pos-2", "name": "Till 2", "tags": ["till"]},
                    ],
                },
                request_only=True,
                media_type="application/json",
            ),
            OpenApiExample(
                "A spreadsheet",
                value="device_id,name,site,tags\npos-1,Till 1,store-1,till|front\n",
                request_only=True,
                media_type="text/csv",
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Check a list of up to 10,000 devices, as JSON or CSV (4 MiB); enrols nothing yet.

        Columns: `device_id`, `name`, `device_type`, `device_class`, `model`, `relay_count`,
        `capabilities`, `site`, `ip_address`, `tags` (lists with `|` between the items). In the
        mode `claim_code`, which is for administrators of the installation, `hardware_id` takes
        the place of `device_id`, and there are no `site`, `ip_address` and `tags`.
        """
        is_csv = request.content_type.startswith(CsvParser.media_type)
        given = _from_csv(request) if is_csv else _from_json(request)
        checked = enrolling.check_enrolment(given=given, actor=request.actor, now=timezone.now())
        answer = EnrolmentOutput(checked.enrolment).data
        id_column = enrolment_rows.key_column(given.mode)
        return Response(
            {**answer, "rows": verdicts(id_column, checked.rows)},
            status=status.HTTP_201_CREATED,
            headers={"Location": f"/api/v1/enrolments/{checked.enrolment.uid}"},
        )


class EnrolmentView(ApiView):
    """One bulk enrolment."""

    @extend_schema(
        operation_id="enrolment_get", tags=["enrolments"], responses={200: EnrolmentOutput}
    )
    def get(self, request: Request, uid: str) -> Response:
        """Show an enrolment and how far it is."""
        enrolment = selectors.enrolment_by_uid(actor=request.actor, uid=uid)
        return Response(EnrolmentOutput(enrolment).data)

    @extend_schema(
        operation_id="enrolment_cancel",
        tags=["enrolments"],
        request=None,
        responses={200: EnrolmentOutput},
    )
    def delete(self, request: Request, uid: str) -> Response:
        """Enrol no further row; those that are enrolled stay."""
        enrolment = enrolling.cancel_enrolment(
            enrolment_uid=uid, actor=request.actor, now=timezone.now()
        )
        return Response(EnrolmentOutput(enrolment).data)


class EnrolmentStartView(ApiView):
    """The start of a checked enrolment."""

    @extend_schema(
        operation_id="enrolment_start",
        tags=["enrolments"],
        request=None,
        responses={202: StartedOutput},
    )
    def post(self, request: Request, uid: str) -> Response:
        """Enrol the valid rows from now on; the passphrase of their keys is shown this once."""
        started = enrolling.start_enrolment(
            enrolment_uid=uid, actor=request.actor, now=timezone.now()
        )
        answer = EnrolmentOutput(started.enrolment).data
        return Response(
            {**answer, "passphrase": started.passphrase}, status=status.HTTP_202_ACCEPTED
        )


class RowPage(CursorPage):
    """Pages of rows in the order of the file."""

    ordering = "number"


class EnrolmentRowsView(ApiView, generics.ListAPIView[EnrolmentRow]):
    """The rows of one enrolment."""

    serializer_class = RowOutput
    pagination_class = RowPage
    filter_backends = ()

    def get_queryset(self) -> QuerySet[EnrolmentRow]:
        """Rows of an enrolment the caller may see."""
        if getattr(self, "swagger_fake_view", False):
            return EnrolmentRow.objects.none()
        query = RowQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        enrolment = selectors.enrolment_by_uid(actor=self.request.actor, uid=self.kwargs["uid"])
        return selectors.rows_of_enrolment(enrolment, state=query.validated_data["state"])

    @extend_schema(operation_id="enrolment_rows", tags=["enrolments"], parameters=[RowQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the rows with what became of them, in the order of the file."""
        return self.list(request, *args, **kwargs)


class EnrolmentKeysView(ApiView):
    """The keys of one enrolment, once."""

    # Wrong tries count although they are refused.
    commits_on_refusal = True

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whatever is accepted: an archive is an archive, and refusals are JSON."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        operation_id="enrolment_keys",
        tags=["enrolments"],
        request=KeysInput,
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
        examples=[
            OpenApiExample(
                "With the passphrase of the start",
                value={"passphrase": "7K3M-Q2XD-94TB-0ZWE-HH5R-C8VN"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, uid: str) -> HttpResponse:
        """Fetch the keys (or claim codes) as a ZIP archive under the passphrase (AES-256), once.

        The server then has them no more. Sent with an Idempotency-Key, the same request gets the
        same archive for 24 hours, in case an answer is lost on its way.
        """
        body = KeysInput(data=request.data)
        body.is_valid(raise_exception=True)
        packed = enrolment_keys.download_keys(
            enrolment_uid=uid,
            passphrase=body.validated_data["passphrase"],
            origin=settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/"),
            keep=lambda content: self.keep_answer(_archive(content, uid)),
            actor=request.actor,
            now=timezone.now(),
        )
        return _archive(packed, uid)


def _archive(content: bytes, uid: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="enrolment-{uid}.zip"',
            "Cache-Control": "no-store",
        },
    )


def _from_csv(request: Request) -> DeviceList:
    choices = EnrolmentChoices(data=request.query_params)
    choices.is_valid(raise_exception=True)
    # An empty body never reaches its parser.
    body = request.data if isinstance(request.data, bytes) else b""
    columns, rows = enrolment_file.rows_of_csv(body, limit=enrolment_rows.MAX_ROWS)
    return DeviceList(columns=columns, rows=rows, **choices.validated_data)


def _from_json(request: Request) -> DeviceList:
    body = EnrolmentInput(data=request.data)
    body.is_valid(raise_exception=True)
    return body.device_list()
