"""Who is staff, and the roles they can be given; for who runs the platform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin

# Registers Django's own page for roles, which then gives way to the one below.
from django.contrib.auth import admin as django_pages  # noqa: F401
from django.contrib.auth.models import Group, Permission
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from accounts.services import staffing
from kernel import errors
from kernel.actors import Actor
from kernel.admin import deeds, rights, scope
from kernel.admin.base import PlatformAdmin
from kernel.admin.deeds import Deed, Doing


class PermissionChoice(forms.ModelMultipleChoiceField):
    """Permissions as sentences: the app, the model, what may be done."""

    def label_from_instance(self, obj: Any) -> str:
        """Such as `devices · device: Unpair`."""
        model = f"{obj.content_type.app_label} · {obj.content_type.name}"
        is_to_see = obj.codename.startswith("view_")
        return f"{model}: {'See' if is_to_see else obj.name.removeprefix(rights.DOING)}"


class RoleForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class takes no argument
    """A role: a name for some of the permissions that mean something for staff."""

    permissions = PermissionChoice(
        queryset=Permission.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        help_text="To see a model, and the deeds that can be done with its rows.",
    )

    class Meta:
        model = Group
        fields = ("name", "permissions")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["permissions"].queryset = rights.givable()  # type: ignore[attr-defined]


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(PlatformAdmin):
    """Roles of staff; they are changed by a service, which writes the audit log."""

    plural = "Staff roles"
    form = RoleForm
    change_form_template = "admin/role.html"
    pages = frozenset({"changelist", "change", "add"})
    list_display = ("name",)
    search_fields = ("name",)
    ordering = ("name",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who runs the platform makes roles."""
        return scope.runs_platform(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """And changes them."""
        return scope.runs_platform(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Its name and what it gives."""
        return ["name", "permissions"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """None of them is."""
        return []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Have the service write the role and what it gives."""
        actor = scope.actor_of(request)
        if actor is None:
            raise errors.NotAuthenticated
        made = staffing.define_role(
            role_id=obj.pk,
            name=form.cleaned_data["name"],
            permission_ids=[one.pk for one in form.cleaned_data["permissions"]],
            actor=scope.acting_in(actor, None),
            now=timezone.now(),
        )
        obj.pk = made.pk

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has written what it gives."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """The audit log tells it."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """The audit log tells it."""


@admin.register(Permission)
class PermissionAdmin(PlatformAdmin):
    """What can be given; most of these mean nothing here, where nobody changes rows by hand."""

    list_display = ("name", "content_type", "codename")
    search_fields = ("name", "codename")
    ordering = ("content_type__app_label", "codename")


class StaffForm(forms.Form):
    """What a member of staff is given."""

    groups = forms.ModelMultipleChoiceField(
        label="Roles", queryset=Group.objects.none(), required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    permissions = PermissionChoice(
        label="Single permissions", queryset=Permission.objects.none(), required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["groups"].queryset = Group.objects.order_by("name")  # type: ignore[attr-defined]
        self.fields["permissions"].queryset = rights.givable()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """At least one of them."""
        given: dict[str, Any] = super().clean() or {}
        if not given.get("groups") and not given.get("permissions"):
            raise forms.ValidationError("Choose a role or a permission.")
        return given


def _staff_form(rows: Sequence[Any], actor: Actor, data: QueryDict | None, step: str) -> forms.Form:
    has = None
    if len(rows) == 1:
        has = {"groups": rows[0].groups.all(), "permissions": rows[0].user_permissions.all()}
    return StaffForm(data, initial=has)


def _make_staff(row: Any, doing: Doing) -> str:
    staffing.make_staff(
        user_id=row.pk,
        group_ids=[one.pk for one in doing.values["groups"]],
        permission_ids=[one.pk for one in doing.values["permissions"]],
        actor=doing.actor,
        now=doing.now,
    )
    return f"{row.email} is staff now: the admin shows them rows of their own tenants."


def _withdraw(row: Any, doing: Doing) -> str:
    staffing.withdraw_staff(user_id=row.pk, actor=doing.actor, now=doing.now)
    return f"{row.email} is no longer staff."


def _remove_role(row: Any, doing: Doing) -> str:
    name = row.name
    staffing.remove_role(role_id=row.pk, actor=doing.actor, now=doing.now)
    return f"The role {name} is gone."


deeds.register(
    Deed(
        model="accounts.user",
        name="make_staff",
        label="Make staff",
        told="This admin opens to them, for exactly what you give here and only for rows of the "
        "tenants they belong to. What they do there also needs their role in that tenant. What "
        "they were given before is replaced.",
        act=deeds.each(_make_staff),
        make_form=_staff_form,
        most=1,
        is_grave=True,
        for_staff=False,
        applies=lambda row: row.is_active and not row.is_superuser,
    ),
    Deed(
        model="accounts.user",
        name="withdraw_staff",
        label="No longer staff",
        told="This admin closes to them at once. Their places in tenants stay.",
        act=deeds.each(_withdraw),
        for_staff=False,
        applies=lambda row: row.may_administer,
    ),
    Deed(
        model="auth.group",
        name="remove",
        label="Remove role",
        told="Who has the role loses what it gave.",
        act=deeds.each(_remove_role),
        is_grave=True,
        for_staff=False,
    ),
)
