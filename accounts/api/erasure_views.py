"""Routes about erasing an account: translate, one service call, translate back."""

from __future__ import annotations

from django.contrib import auth
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

from accounts.api.erasure_serializers import (
    AccountErasureBegun,
    AccountErasureInput,
    AccountErasureOutlook,
    AccountErasureOutput,
)
from accounts.services import erasure
from kernel.api.permissions import IsAnyone
from kernel.api.views import ApiRequest, ApiView

# No cache on the way may keep an answer that carries a token, or the report it opens.
_NOT_STORED = {"Cache-Control": "no-store"}
_REPORT_TOKEN = OpenApiParameter(
    "X-Report-Token",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="From the answer that began the erasing.",
)


class MyErasureView(ApiView):
    """The erasing of my account."""

    # A counted try must stay counted although the password is wrong.
    commits_on_refusal = True

    @extend_schema(
        operation_id="auth_me_erase_outlook",
        tags=["auth"],
        summary="What erasing my account would do",
        responses=AccountErasureOutlook,
    )
    def get(self, request: ApiRequest) -> Response:
        """Which tenants would end, and which must be handed over first."""
        outlook = erasure.foresee_erasure(actor=request.actor)
        return Response(AccountErasureOutlook(outlook).data)

    @extend_schema(
        operation_id="auth_me_erase",
        tags=["auth"],
        summary="Erase my account",
        request=AccountErasureInput,
        responses={202: AccountErasureBegun},
        examples=[
            OpenApiExample(
                "Request", value={"password": "correct horse battery"}, request_only=True
            )
        ],
    )
    def post(self, request: ApiRequest) -> Response:
        """Sign me out for good now, and erase my personal data and devices soon."""
        body = AccountErasureInput(data=request.data)
        body.is_valid(raise_exception=True)
        begun = erasure.request_erasure(
            **body.validated_data, actor=request.actor, now=timezone.now()
        )
        if request.actor.via == "page":
            auth.logout(request._request)
        answer = AccountErasureBegun(
            {
                "erasure": begun.uid,
                "state": begun.state,
                "requested_at": begun.requested_at,
                "report_token": begun.report_token,
            }
        )
        # Where to ask later: the account itself answers nothing any more.
        place = reverse("auth-erasure", kwargs={"uid": begun.uid})
        return Response(
            answer.data,
            status=status.HTTP_202_ACCEPTED,
            headers={**_NOT_STORED, "Location": place},
        )


class ErasureView(ApiView):
    """The erasing of an account that nobody can sign in to any more."""

    access = "public"
    authentication_classes = ()
    permission_classes = (IsAnyone,)

    @extend_schema(
        operation_id="auth_erasure_get",
        tags=["auth"],
        summary="Report of an erased account",
        parameters=[_REPORT_TOKEN],
        responses=AccountErasureOutput,
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """How far the erasing is and its report, for who holds its token."""
        found = erasure.read_erasure(
            uid=uid, report_token=request.headers.get("X-Report-Token", "")
        )
        return Response(AccountErasureOutput(found).data, headers=_NOT_STORED)
