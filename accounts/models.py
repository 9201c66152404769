"""Users, tenants, memberships, and the sessions users sign in with."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import auth
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models.functions import Lower

from accounts.choices import (
    EndReason,
    ErasureState,
    PlatformRole,
    Role,
    SessionKind,
    TenantKind,
)
from accounts.querysets import LoginSessionQuerySet, UserManager
from kernel import tokens
from kernel.scoping import TenantManager


class User(AbstractBaseUser):
    """A person who signs in with an e-mail address, stored in lower case."""

    # Each LoginSession knows when it was opened; a column here would be written on every login.
    last_login = None

    uid = models.CharField(max_length=16, unique=True, default=tokens.new_public_id, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    display_name = models.CharField(max_length=80, blank=True, default="")
    platform_role = models.CharField(
        max_length=10, choices=PlatformRole.choices, default=PlatformRole.USER
    )
    is_active = models.BooleanField(default=True)
    # Made staff: Django's admin opens, for the rows of their own tenants and for what they have
    # been given there. Who runs the platform needs neither.
    may_administer = models.BooleanField(default=False)
    groups = models.ManyToManyField("auth.Group", blank=True, related_name="+")
    user_permissions = models.ManyToManyField("auth.Permission", blank=True, related_name="+")
    # Raising it makes every access token of the user invalid at once.
    token_version = models.PositiveIntegerField(default=1)
    date_joined = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once")]

    def __str__(self) -> str:
        return self.email

    @property
    def label(self) -> str:
        """How others see this user."""
        return self.display_name or self.email

    @property
    def is_staff(self) -> bool:
        """True for who may open Django's admin: platform administrators, and who was made staff."""
        return self.is_superuser or self.may_administer

    @property
    def is_superuser(self) -> bool:
        """Platform administrators have every permission in Django's admin."""
        return self.platform_role == PlatformRole.ADMIN

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Django's admin asks this; the product itself asks `accounts.permissions`."""
        if not self.is_active:
            return False
        if self.is_superuser:
            return True
        found = auth.get_backends() if self.may_administer else []
        return any(backend.has_perm(self, perm, obj) for backend in found)

    def has_perms(self, perm_list: Any, obj: Any = None) -> bool:
        """True when the user has all of them."""
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """True when the user may see the app in Django's admin."""
        return self.is_active and self.is_staff


class Tenant(models.Model):
    """A household or organisation that owns devices."""

    uid = models.CharField(max_length=16, unique=True, default=tokens.new_public_id, editable=False)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=TenantKind.choices)
    # Set for personal tenants only: the constraint below gives every user at most one.
    personal_of = models.OneToOneField(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="personal_tenant"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind=TenantKind.PERSONAL, personal_of__isnull=False)
                | models.Q(kind=TenantKind.ORGANISATION, personal_of__isnull=True),
                name="tenant_personal_has_its_user",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.uid})"


class Membership(models.Model):
    """A user's role in a tenant."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    # Primary keys of the sites whose devices the member may see; null for all of them. What a
    # site is, the app that owns them tells (accounts.registry).
    site_ids = models.JSONField(null=True, blank=True, default=None)
    created_at = models.DateTimeField()

    objects = TenantManager[Any]()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "tenant"], name="membership_once")]

    def __str__(self) -> str:
        return f"user {self.user_id} is {self.role} of tenant {self.tenant_id}"


class LoginSession(models.Model):
    """One sign-in of a user on one client; its refresh tokens are one family."""

    uid = models.CharField(max_length=24, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="login_sessions")
    kind = models.CharField(max_length=8, choices=SessionKind.choices)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    user_agent = models.CharField(max_length=200, blank=True, default="")
    address = models.CharField(max_length=45, blank=True, default="")
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=20, choices=EndReason.choices, blank=True, default="")

    objects = LoginSessionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["last_used_at"],
                condition=models.Q(ended_at__isnull=True),
                name="login_session_idle",
            ),
            models.Index(
                fields=["ended_at"],
                condition=models.Q(ended_at__isnull=False),
                name="login_session_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} session {self.uid}"


class RefreshToken(models.Model):
    """One link in a session's chain of refresh tokens; only its digest is known here."""

    session = models.ForeignKey(
        LoginSession, on_delete=models.CASCADE, related_name="refresh_tokens"
    )
    token_hash = models.CharField(max_length=64, unique=True)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"refresh token {self.pk} of session {self.session_id}"


class SocketTicket(models.Model):
    """A one-time right to open a socket in the name of a session; only its digest is known."""

    session = models.ForeignKey(LoginSession, on_delete=models.CASCADE, related_name="+")
    ticket_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"ticket {self.pk} of session {self.session_id}"


class Invitation(models.Model):
    """A one-time link that makes its opener a member; only the link's digest is known here."""

    uid = models.CharField(max_length=16, unique=True, default=tokens.new_public_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    # When given, only the user who signs in with this address may accept.
    email = models.EmailField(max_length=254, blank=True, default="")
    role = models.CharField(max_length=10, choices=Role.choices)
    site_ids = models.JSONField(null=True, blank=True, default=None)
    token_digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    objects = TenantManager[Any]()

    def __str__(self) -> str:
        return f"invitation {self.uid} to tenant {self.tenant_id}"


class Preferences(models.Model):
    """What a user has arranged for themselves, as one versioned document."""

    user = models.OneToOneField(
        User, primary_key=True, on_delete=models.CASCADE, related_name="preferences"
    )
    document = models.JSONField(default=dict)
    version = models.PositiveBigIntegerField(default=0)
    updated_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"preferences of user {self.user_id}"


class AccountErasure(models.Model):
    """The erasing of a user's personal data, with its report; the row outlives the name."""

    uid = models.CharField(max_length=16, unique=True, default=tokens.new_public_id, editable=False)
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(
        max_length=7, choices=ErasureState.choices, default=ErasureState.QUEUED
    )
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    report = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"erasure {self.uid} of user {self.user_id} ({self.state})"
