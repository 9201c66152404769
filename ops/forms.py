"""Forms of the console; each is also usable without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms

from devices.choices import Sync
from groups.query import MAX_TEXT
from kernel import errors
from ops import wording

_CONNECTIVITY = ("online", "offline", "never_connected")


class DeviceFilter(forms.Form):
    """The query string of the device list; a value it does not know counts as absent."""

    q = forms.CharField(required=False, max_length=100, strip=True)
    connectivity = forms.ChoiceField(
        required=False,
        choices=[(value, wording.CONNECTIVITY_LABELS[value]) for value in _CONNECTIVITY],
    )
    device_class = forms.ChoiceField(
        required=False,
        choices=[(value, kind.label) for value, kind in wording.DEVICE_CLASSES.items()],
    )
    simulated = forms.ChoiceField(required=False, choices=list(wording.SIMULATED_CHOICES.items()))
    site = forms.RegexField(required=False, regex=r"^[A-Za-z0-9_-]{1,64}$")
    sync = forms.ChoiceField(required=False, choices=Sync.choices)
    group = forms.RegexField(required=False, regex=r"^[A-Za-z0-9_-]{1,64}$")
    query = forms.CharField(required=False, max_length=MAX_TEXT, strip=True)
    sort = forms.RegexField(required=False, regex=r"^-?[a-z_]{1,40}$")
    after = forms.RegexField(required=False, regex=r"^[A-Za-z0-9_-]{1,2000}$")
    before = forms.RegexField(required=False, regex=r"^[A-Za-z0-9_-]{1,2000}$")

    def chosen(self) -> dict[str, str]:
        """The values that hold, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


# What says which devices are meant; the rest says how they are shown.
FILTERS: Final = (
    "q", "connectivity", "device_class", "simulated", "site", "sync", "group", "query",
)  # fmt: skip


# What people call them.
FILTER_LABELS: Final = {
    "q": "search", "device_class": "class", "connectivity": "status", "sync": "sync",
    "simulated": "simulated", "site": "site", "group": "group", "query": "query",
}  # fmt: skip


def filter_of(chosen: Mapping[str, str]) -> dict[str, str]:
    """What of the choice says which devices are meant."""
    return {name: chosen[name] for name in FILTERS if chosen.get(name)}


def strict_filter(given: Mapping[str, Any]) -> dict[str, str]:
    """The filter of a list as somebody gave it to a machine. Raises ValidationFailed."""
    if unknown := sorted(map(str, given.keys() - set(FILTERS))):
        raise errors.ValidationFailed(
            details={name: [f"Unknown. One of {', '.join(FILTERS)}."] for name in unknown}
        )
    form = DeviceFilter({name: value for name, value in given.items() if isinstance(value, str)})
    wrong = {name: ["A text."] for name, value in given.items() if not isinstance(value, str)}
    if wrong or not form.is_valid():
        raise errors.ValidationFailed(
            details=wrong | {name: list(said) for name, said in form.errors.items()}
        )
    return filter_of(form.chosen())


def told(choice: Mapping[str, str]) -> str:
    """A filter in words, for who looks at what was asked of it."""
    if not choice:
        return "all devices"
    return "devices with " + ", ".join(
        f"{FILTER_LABELS[name]} {value}" for name, value in choice.items()
    )


class ArchiveFilter(forms.Form):
    """The query string of the archive; a value it does not know counts as absent."""

    q = forms.CharField(required=False, max_length=100, strip=True)
    end_reason = forms.ChoiceField(required=False, choices=list(wording.END_LABELS.items()))
    device_class = forms.ChoiceField(
        required=False,
        choices=[(value, kind.label) for value, kind in wording.DEVICE_CLASSES.items()],
    )
    after = forms.RegexField(required=False, regex=r"^[A-Za-z0-9_-]{1,64}$")

    def chosen(self) -> dict[str, str]:
        """The values that hold, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class AcceptForm(forms.Form):
    """A transfer code as its giver told it, whose the device becomes, and where it stands."""

    code = forms.CharField(
        max_length=40, strip=True, error_messages={"required": "Enter the code first."}
    )
    tenant = forms.ChoiceField(required=False)
    site = forms.CharField(required=False, max_length=64, strip=True)

    def __init__(self, *args: Any, tenants: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if tenants:
            self.fields["tenant"] = forms.ChoiceField(
                choices=tenants, error_messages={"required": "Choose whose it becomes."}
            )


class ClaimForm(forms.Form):
    """A claim code as printed by the device, a name for it, and whose it becomes.

    Which tenant is asked for only where there are `tenants` (uid and name) to choose from.
    """

    claim_code = forms.CharField(max_length=40, strip=True)
    name = forms.CharField(required=False, max_length=100, strip=True)
    tenant = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, tenants: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if tenants:
            self.fields["tenant"] = forms.ChoiceField(choices=tenants)
