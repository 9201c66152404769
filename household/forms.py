"""Forms of the app; each is also usable without JavaScript."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from accounts.services.invitations import DEFAULT_DAYS, MAX_DAYS
from household import rooms

TOPICS = (
    ("offline", "A device goes offline"),
    ("online", "It is back"),
    ("drift", "A device is not as it should be for long"),
)
HOLDS = (
    (0, "At once"),
    (60, "After a minute"),
    (300, "After 5 minutes"),
    (900, "After 15 minutes"),
)


class CodeForm(forms.Form):
    """The code of a new device, and whose it becomes where there are several homes."""

    claim_code = forms.CharField(
        max_length=40, strip=True, error_messages={"required": "Type the code first."}
    )
    home = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, homes: Iterable[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["home"]
        field.choices = list(homes)
        field.required = len(field.choices) > 1
        field.error_messages["required"] = "Choose whose it becomes."


class NameForm(forms.Form):
    """What a device is called."""

    name = forms.CharField(
        max_length=100, strip=True, error_messages={"required": "Give it a name."}
    )


class RoomForm(forms.Form):
    """Where a device stands: one of the rooms offered, another that is typed, or none."""

    room = forms.CharField(required=False, max_length=rooms.MAX_LENGTH, strip=True)
    other = forms.CharField(required=False, max_length=rooms.MAX_LENGTH, strip=True)

    def chosen(self) -> str:
        """The room that was meant: what was typed outweighs what was offered."""
        given = self.cleaned_data
        return str(given["other"] or given["room"])


class InviteForm(forms.Form):
    """Whom to share with, and what they may do."""

    email = forms.EmailField(
        required=False, max_length=254, error_messages={"invalid": "This is no e-mail address."}
    )
    role = forms.ChoiceField(error_messages={"required": "Choose what they may do."})
    valid_days = forms.IntegerField(required=False, min_value=1, max_value=MAX_DAYS)

    def __init__(self, *args: Any, roles: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["role"]
        field.choices = list(roles)

    def clean_valid_days(self) -> int:
        """A week where nothing else is chosen."""
        return self.cleaned_data["valid_days"] or DEFAULT_DAYS


class TellForm(forms.Form):
    """What a member is told by mail, and when not."""

    topics = forms.MultipleChoiceField(required=False, choices=TOPICS)
    after_s = forms.TypedChoiceField(choices=HOLDS, coerce=int)
    quiet_from = forms.RegexField(r"^\d\d:\d\d$", required=False)
    quiet_to = forms.RegexField(r"^\d\d:\d\d$", required=False)
    zone = forms.CharField(required=False, max_length=64)

    def clean(self) -> dict[str, Any]:
        """Quiet hours have a beginning and an end, or neither."""
        given: dict[str, Any] = super().clean() or {}
        if bool(given.get("quiet_from")) != bool(given.get("quiet_to")):
            self.add_error("quiet_to", "Give both times, or neither.")
        return given
