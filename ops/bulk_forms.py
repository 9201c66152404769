"""Forms of what is done to many devices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django import forms

from devices.services.tagging import TagEdit
from ops import bulk

NO_SITE: Final = "-"


def _parts(text: str) -> list[str]:
    """Tags apart by commas or lines."""
    return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]


class TagsForm(forms.Form):
    """Tags to put on and to take off, apart by commas."""

    add = forms.CharField(required=False, max_length=1_000, strip=True)
    remove = forms.CharField(required=False, max_length=1_000, strip=True)

    def clean(self) -> dict[str, Any]:
        """At least one of the two."""
        given = super().clean() or {}
        if not given.get("add") and not given.get("remove"):
            raise forms.ValidationError("Say which tags to add or to remove.")
        return given

    def deed(self) -> bulk.Deed:
        """What is to be done."""
        add, remove = self.cleaned_data["add"], self.cleaned_data["remove"]
        return bulk.Tagging(edit=TagEdit(add=_parts(add), remove=_parts(remove)))


class GroupForm(forms.Form):
    """The group that devices are put into."""

    to_group = forms.ChoiceField(error_messages={"required": "Choose a group."})

    def __init__(self, *args: Any, groups: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["to_group"]
        field.choices = [("", "Choose a group"), *groups]

    def deed(self) -> bulk.Deed:
        """What is to be done."""
        return bulk.Joining(group_uid=self.cleaned_data["to_group"])


class SiteForm(forms.Form):
    """The site that devices are moved to."""

    to_site = forms.ChoiceField(error_messages={"required": "Choose a site."})

    def __init__(self, *args: Any, sites: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["to_site"]
        field.choices = [("", "Choose a site"), *sites, (NO_SITE, "No site")]

    def deed(self) -> bulk.Deed:
        """What is to be done."""
        site_id = self.cleaned_data["to_site"]
        return bulk.Moving(site_id="" if site_id == NO_SITE else site_id)


class UnpairForm(forms.Form):
    """That it is meant."""

    def deed(self) -> bulk.Deed:
        """What is to be done."""
        return bulk.Unpairing()


# What can be done, by the word in the address: what it is called, its icon.
DEEDS: Final[Sequence[tuple[str, str, str]]] = (
    ("command", "Ask for something", "terminal"),
    ("tags", "Tags", "pencil"),
    ("group", "Add to a group", "hybrid"),
    ("site", "Move to a site", "site"),
    ("unpair", "Unpair", "release"),
)
