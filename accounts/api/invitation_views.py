"""Invitations over the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from accounts.api import tenant_examples as examples
from accounts.api import tenant_serializers as serializers
from accounts.services import invitations
from kernel.api.views import ApiRequest, ApiView

# No cache on the way may keep an answer that carries a token.
_NOT_STORED = {"Cache-Control": "no-store"}


class InvitationsView(ApiView):
    """Invitations of a tenant."""

    @extend_schema(
        operation_id="invitations_list",
        tags=["tenants"],
        summary="Open invitations",
        responses={200: serializers.InvitationList},
    )
    def get(self, request: ApiRequest, uid: str) -> Response:
        """Invitations that can still be accepted, without their tokens; for administrators."""
        found = invitations.list_invitations(
            tenant_uid=uid, actor=request.actor, now=timezone.now()
        )
        return Response(serializers.InvitationList({"items": found}).data)

    @extend_schema(
        operation_id="invitations_create",
        tags=["tenants"],
        summary="Invite somebody",
        request=serializers.InvitationInput,
        examples=examples.INVITATION,
        responses={201: serializers.IssuedInvitationOutput},
    )
    def post(self, request: ApiRequest, uid: str) -> Response:
        """A link that makes one person a member; it is shown this once."""
        body = serializers.InvitationInput(data=request.data)
        body.is_valid(raise_exception=True)
        given: dict[str, Any] = dict(body.validated_data)
        issued = invitations.create_invitation(
            tenant_uid=uid,
            limit=serializers.limit_of(given.pop("sites")),
            **given,
            actor=request.actor,
            now=timezone.now(),
        )
        answer = {
            **asdict(issued.invitation),
            "token": issued.token,
            "url": request.build_absolute_uri(issued.url),
        }
        return Response(
            serializers.IssuedInvitationOutput(answer).data,
            status=status.HTTP_201_CREATED,
            headers=_NOT_STORED,
        )


class InvitationView(ApiView):
    """One invitation of a tenant."""

    @extend_schema(
        operation_id="invitations_revoke",
        tags=["tenants"],
        summary="Revoke an invitation",
        responses={204: None},
    )
    def delete(self, request: ApiRequest, uid: str, invitation_uid: str) -> Response:
        """Make its link worthless."""
        invitations.revoke_invitation(
            tenant_uid=uid,
            invitation_uid=invitation_uid,
            actor=request.actor,
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class PreviewView(ApiView):
    """What a link offers."""

    # A counted try must stay counted although the token is refused.
    commits_on_refusal = True

    @extend_schema(
        operation_id="invitations_preview",
        tags=["tenants"],
        summary="Look at an invitation",
        request=serializers.TokenInput,
        examples=examples.TOKEN,
        responses={200: serializers.PreviewOutput},
    )
    def post(self, request: ApiRequest) -> Response:
        """Who invites me where; every link that is not good for me is 404 `invitation_invalid`."""
        found = invitations.preview_invitation(
            token=_token(request), actor=request.actor, now=timezone.now()
        )
        return Response(serializers.PreviewOutput(found).data)


class AcceptView(ApiView):
    """Accepting."""

    commits_on_refusal = True

    @extend_schema(
        operation_id="invitations_accept",
        tags=["tenants"],
        summary="Accept an invitation",
        request=serializers.TokenInput,
        examples=examples.TOKEN,
        responses={200: serializers.AcceptedOutput},
    )
    def post(self, request: ApiRequest) -> Response:
        """Become a member; who is one already stays what they are."""
        accepted = invitations.accept_invitation(
            token=_token(request), actor=request.actor, now=timezone.now()
        )
        return Response(serializers.AcceptedOutput(accepted).data)


def _token(request: ApiRequest) -> str:
    body = serializers.TokenInput(data=request.data)
    body.is_valid(raise_exception=True)
    return str(body.validated_data["token"])
