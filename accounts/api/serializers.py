"""What the account routes take and answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts import selectors
from accounts.choices import PlatformRole, Role, SessionKind
from accounts.models import LoginSession, User
from accounts.services.passwords import MAX_LENGTH
from accounts.types import LoggedIn, TokenPair


class _Password(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=MAX_LENGTH,
            trim_whitespace=False,
            write_only=True,
            style={"input_type": "password"},
            **kwargs,
        )


class RegisterInput(serializers.Serializer[Any]):
    """A new account."""

    email = serializers.EmailField(max_length=254)
    password = _Password(help_text="At least 10 characters, not a common one.")
    display_name = serializers.CharField(
        max_length=80, required=False, allow_blank=True, default=""
    )


class LoginInput(serializers.Serializer[Any]):
    """Credentials."""

    email = serializers.CharField(max_length=254)
    password = _Password()


class RefreshInput(serializers.Serializer[Any]):
    """A refresh token."""

    refresh_token = serializers.CharField(max_length=256, write_only=True)


class PasswordInput(serializers.Serializer[Any]):
    """The present password and the new one."""

    current_password = _Password()
    new_password = _Password()


class ProfileInput(serializers.Serializer[Any]):
    """What a user may change about themselves."""

    display_name = serializers.CharField(max_length=80, allow_blank=True)


class MembershipOutput(serializers.Serializer[Any]):
    """A tenant and the user's role in it."""

    uid = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)


class UserOutput(serializers.Serializer[Any]):
    """A user as they see themselves."""

    uid = serializers.CharField()
    email = serializers.EmailField()
    display_name = serializers.CharField()
    platform_role = serializers.ChoiceField(choices=PlatformRole.choices)
    tenants = MembershipOutput(many=True)


class TokensOutput(serializers.Serializer[Any]):
    """Access and refresh token."""

    access_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")
    refresh_token = serializers.CharField()
    refresh_expires_in = serializers.IntegerField(help_text="Seconds.")


class LoggedInOutput(TokensOutput):
    """Tokens and who they belong to."""

    user = UserOutput()


class SessionOutput(serializers.Serializer[Any]):
    """One place where the user is signed in."""

    uid = serializers.CharField()
    kind = serializers.ChoiceField(choices=SessionKind.choices)
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField()
    user_agent = serializers.CharField()
    address = serializers.CharField()
    is_current = serializers.BooleanField()


class EndedOutput(serializers.Serializer[Any]):
    """How many sessions were ended."""

    ended = serializers.IntegerField()


class TicketOutput(serializers.Serializer[Any]):
    """A one-time ticket for `/ws/client?ticket=…`."""

    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")


def user_body(user: User) -> dict[str, Any]:
    """A user in JSON."""
    memberships = selectors.memberships_of(user.pk)
    return {
        "uid": user.uid,
        "email": user.email,
        "display_name": user.display_name,
        "platform_role": user.platform_role,
        "tenants": [
            {"uid": item.tenant.uid, "name": item.tenant.name, "role": item.role}
            for item in memberships
        ],
    }


def tokens_body(pair: TokenPair | None) -> dict[str, Any]:
    """A token pair in JSON."""
    if pair is None:
        raise ValueError("Only API sessions have tokens.")
    return {
        "access_token": pair.access_token,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
        "refresh_token": pair.refresh_token,
        "refresh_expires_in": pair.refresh_expires_in,
    }


def logged_in_body(opened: LoggedIn) -> dict[str, Any]:
    """A fresh login in JSON."""
    return {**tokens_body(opened.tokens), "user": user_body(opened.user)}


def session_body(session: LoginSession, current_id: int | None) -> dict[str, Any]:
    """A session in JSON."""
    body = SessionOutput(
        {
            "uid": session.uid,
            "kind": session.kind,
            "created_at": session.created_at,
            "last_used_at": session.last_used_at,
            "user_agent": session.user_agent,
            "address": session.address,
            "is_current": session.pk == current_id,
        }
    )
    return dict(body.data)
