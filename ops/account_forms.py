"""Forms about the viewer's own account."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import available_timezones

from django import forms

from accounts.services.passwords import MAX_LENGTH
from accounts.services.registration import MAX_NAME_LENGTH

THEMES: Final = (("system", "As the system"), ("light", "Light"), ("dark", "Dark"))
START_PAGES: Final = (("dashboard", "The console"), ("app", "The app"))


class NameForm(forms.Form):
    """How others see somebody."""

    display_name = forms.CharField(required=False, max_length=MAX_NAME_LENGTH, strip=True)


class PasswordForm(forms.Form):
    """The password in use, and the one to come."""

    current_password = forms.CharField(
        max_length=MAX_LENGTH, strip=False, error_messages={"required": "Type your password."}
    )
    new_password = forms.CharField(
        max_length=MAX_LENGTH, strip=False, error_messages={"required": "Type a new password."}
    )


class ArrangementForm(forms.Form):
    """What somebody arranges for themselves; an empty zone is the one of each browser."""

    start_page = forms.ChoiceField(choices=START_PAGES)
    theme = forms.ChoiceField(choices=THEMES)
    time_zone = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = zones()  # type: ignore[attr-defined]


class EraseForm(forms.Form):
    """The password once more, because it is for good."""

    password = forms.CharField(
        max_length=MAX_LENGTH, strip=False, error_messages={"required": "Type your password."}
    )


def zones() -> list[tuple[str, str]]:
    """The time zones of the world that people know by a city, and that of each browser."""
    cities = sorted(name for name in available_timezones() if "/" in name and _is_place(name))
    return [("", "As the browser"), ("UTC", "UTC"), *((name, name) for name in cities)]


def _is_place(name: str) -> bool:
    return not name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))
