"""The account routes: translate, one service call, translate back."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import auth
from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers as fields
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors
from accounts.api import examples, serializers
from accounts.choices import SessionKind
from accounts.models import User
from accounts.services import authentication, passwords, profile, registration, sessions, tickets
from accounts.services import tokens as refresh_tokens
from kernel.actors import Actor
from kernel.api.pagination import CursorPage
from kernel.api.permissions import IsAnyone
from kernel.api.views import ApiView

# No cache on the way may keep an answer that carries a token (RFC 6749, 5.1).
_NOT_STORED = {"Cache-Control": "no-store"}
_SESSION_PAGE = inline_serializer(
    "SessionPage",
    {
        "items": serializers.SessionOutput(many=True),
        "next": fields.URLField(allow_null=True),
        "previous": fields.URLField(allow_null=True),
    },
)


class RegisterView(ApiView):
    """Sign up."""

    access = "public"
    authentication_classes = ()
    permission_classes = (IsAnyone,)
    # A counted try must stay counted although the registration is refused.
    commits_on_refusal = True

    @extend_schema(
        tags=["auth"],
        summary="Register",
        request=serializers.RegisterInput,
        responses={201: serializers.LoggedInOutput},
        examples=examples.REGISTER,
    )
    def post(self, request: Request) -> Response:
        """Add an account with a tenant of its own, and sign it in."""
        given = _read(serializers.RegisterInput, request)
        opened = registration.sign_up(**given, **_caller(request), now=timezone.now())
        body = serializers.logged_in_body(opened)
        return Response(body, status=status.HTTP_201_CREATED, headers=_NOT_STORED)


class LoginView(ApiView):
    """Sign in."""

    access = "public"
    authentication_classes = ()
    permission_classes = (IsAnyone,)
    commits_on_refusal = True

    @extend_schema(
        tags=["auth"],
        summary="Log in",
        request=serializers.LoginInput,
        responses={200: serializers.LoggedInOutput},
        examples=examples.LOGIN,
    )
    def post(self, request: Request) -> Response:
        """Exchange e-mail and password for an access and a refresh token."""
        given = _read(serializers.LoginInput, request)
        opened = authentication.log_in(
            **given, **_caller(request), kind=SessionKind.API, now=timezone.now()
        )
        return Response(serializers.logged_in_body(opened), headers=_NOT_STORED)


class RefreshView(ApiView):
    """Stay signed in."""

    access = "public"
    authentication_classes = ()
    permission_classes = (IsAnyone,)
    # A refused reuse ends the session for good.
    commits_on_refusal = True

    @extend_schema(
        tags=["auth"],
        summary="Refresh",
        request=serializers.RefreshInput,
        responses={200: serializers.TokensOutput},
        examples=examples.REFRESH,
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for its successor; each is good for one exchange."""
        given = _read(serializers.RefreshInput, request)
        renewed = refresh_tokens.rotate(**given, **_caller(request), now=timezone.now())
        return Response(serializers.tokens_body(renewed.tokens), headers=_NOT_STORED)


class LogoutView(ApiView):
    """Sign out."""

    @extend_schema(tags=["auth"], summary="Log out", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End the session this request came with; its tokens stop working at once."""
        sessions.log_out(actor=_actor(request), now=timezone.now())
        _forget_cookie(request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasswordView(ApiView):
    """Change the password."""

    commits_on_refusal = True

    @extend_schema(
        tags=["auth"],
        summary="Change my password",
        request=serializers.PasswordInput,
        responses={204: None},
        examples=examples.PASSWORD,
    )
    def post(self, request: Request) -> Response:
        """Replace my password; every other session of mine ends."""
        given = _read(serializers.PasswordInput, request)
        actor = _actor(request)
        user = passwords.change_password(
            current=given["current_password"],
            new=given["new_password"],
            actor=actor,
            now=timezone.now(),
        )
        if actor.via == "page":
            # Django ties its cookie session to the password; this keeps the present one.
            auth.update_session_auth_hash(request._request, user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(ApiView):
    """My account."""

    @extend_schema(
        tags=["auth"],
        summary="My account",
        responses={200: serializers.UserOutput},
        examples=examples.ME,
    )
    def get(self, request: Request) -> Response:
        """Who I am, and my role in each of my tenants."""
        return Response(serializers.user_body(cast(User, request.user)))

    @extend_schema(
        tags=["auth"],
        summary="Change my account",
        request=serializers.ProfileInput,
        responses={200: serializers.UserOutput},
        examples=examples.PROFILE,
    )
    def patch(self, request: Request) -> Response:
        """Change my display name."""
        given = _read(serializers.ProfileInput, request)
        user = profile.update_profile(**given, actor=_actor(request), now=timezone.now())
        return Response(serializers.user_body(user))


class SessionsView(ApiView):
    """Where I am signed in."""

    @extend_schema(
        tags=["auth"],
        summary="My sessions",
        responses={200: _SESSION_PAGE},
        examples=examples.SESSIONS,
    )
    def get(self, request: Request) -> Response:
        """My sessions that have not ended, the newest first."""
        actor = _actor(request)
        paginator, found = CursorPage(), selectors.sessions_of(actor)
        page = paginator.paginate_queryset(found, request, view=self) or []
        items = [serializers.session_body(session, actor.session_id) for session in page]
        return paginator.get_paginated_response(items)

    @extend_schema(
        operation_id="auth_sessions_end_others",
        tags=["auth"],
        summary="End my other sessions",
        responses={200: serializers.EndedOutput},
    )
    def delete(self, request: Request) -> Response:
        """End every session of mine but the present one."""
        actor = _actor(request)
        ended = sessions.end_my_others(actor=actor, now=timezone.now())
        return Response({"ended": ended})


class SessionView(ApiView):
    """One of my sessions."""

    @extend_schema(
        operation_id="auth_sessions_end",
        tags=["auth"],
        summary="End one of my sessions",
        responses={204: None},
    )
    def delete(self, request: Request, uid: str) -> Response:
        """End it: its tokens, cookie and sockets stop working at once."""
        sessions.end_session(session_uid=uid, actor=_actor(request), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class SocketTicketView(ApiView):
    """A ticket for `/ws/client`."""

    @extend_schema(
        tags=["auth"],
        summary="Ticket for a socket",
        request=None,
        responses={200: serializers.TicketOutput},
        examples=examples.TICKET,
    )
    def post(self, request: Request) -> Response:
        """A ticket that opens one socket within 30 seconds."""
        ticket = tickets.issue_ticket(actor=_actor(request), now=timezone.now())
        body = {"ticket": ticket.value, "expires_in": ticket.expires_in}
        return Response(body, headers=_NOT_STORED)


def _read(serializer_class: type[fields.Serializer[Any]], request: Request) -> dict[str, Any]:
    body = serializer_class(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _actor(request: Request) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _caller(request: Request) -> dict[str, str]:
    return {
        "address": request.META.get("REMOTE_ADDR", ""),
        "user_agent": request.headers.get("User-Agent", ""),
        "request_id": getattr(request, "request_id", ""),
    }


def _forget_cookie(request: Request) -> None:
    if _actor(request).via == "page":
        auth.logout(request._request)
