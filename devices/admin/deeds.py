"""What can be done with devices and what lets them in; each by its service."""

from __future__ import annotations

from typing import Any

from django import forms

from devices.services import (
    enrolling,
    provisioning_keys,
    releasing,
    rotation,
    tagging,
    transfers,
    unpairing,
)
from kernel.admin import deeds
from kernel.admin.deeds import Deed, Doing, Done

_DEVICE = "devices.device"
_GRACES = (
    ("86400", "One day after the new key's first use"),
    ("3600", "One hour after the new key's first use"),
    ("now", "At once: the device is locked out until it has the new key"),
)


class _RotateForm(forms.Form):
    grace = forms.ChoiceField(label="The old key ends", choices=_GRACES)


class _TagForm(forms.Form):
    add = forms.CharField(
        required=False, label="Add", help_text="Tags such as room=kitchen, one on each line.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
    remove = forms.CharField(
        required=False, label="Remove", help_text="A key takes the tag whatever its value.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Something must be there to be done."""
        given: dict[str, Any] = super().clean() or {}
        lines = {name: _lines(given.get(name, "")) for name in ("add", "remove")}
        if not any(lines.values()):
            raise forms.ValidationError("Type a tag to add or to remove.")
        return lines


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _unpair(row: Any, doing: Doing) -> str:
    unpairing.unpair_device(device_uid=row.uid, actor=doing.actor, now=doing.now)
    return f"{row} is unpaired; its history stays."


def _release(row: Any, doing: Doing) -> tuple[str, str]:
    released = releasing.release_device(device_uid=row.uid, actor=doing.actor, now=doing.now)
    return f"Claim code for the next owner of {row}", released.claim_code


def _rotate(row: Any, doing: Doing) -> tuple[str, str]:
    grace = doing.values["grace"]
    is_now = grace == "now"
    rotated = rotation.rotate_token(
        device_uid=row.uid,
        grace_seconds=0 if is_now else int(grace),
        revoke_old="now" if is_now else "after_first_use",
        actor=doing.actor,
        now=doing.now,
    )
    return f"New key of {row}", rotated.api_key


def _tag(doing: Doing) -> Done:
    edit = tagging.TagEdit(add=doing.values["add"], remove=doing.values["remove"])
    found = tagging.change_tags(
        device_ids=[row.pk for row in doing.rows], edit=edit, actor=doing.actor, now=doing.now
    )
    refused = [f"{uid} would have too many tags." for uid in found.too_many_tags]
    return Done(
        done=[f"{found.changed} changed, {found.unchanged} had these tags already."],
        refused=refused,
    )


def _revoke_key(row: Any, doing: Doing) -> str:
    provisioning_keys.revoke_key(key_uid=row.uid, actor=doing.actor, now=doing.now)
    return f"{row.name or row.uid} lets no more devices in."


def _cancel_transfer(row: Any, doing: Doing) -> str:
    transfers.cancel_transfer(transfer_uid=row.uid, actor=doing.actor, now=doing.now)
    return f"The offer {row.uid} is void."


def _cancel_enrolment(row: Any, doing: Doing) -> str:
    enrolling.cancel_enrolment(enrolment_uid=row.uid, actor=doing.actor, now=doing.now)
    return f"The enrolment {row.uid} is cancelled."


deeds.register(
    Deed(
        model=_DEVICE,
        name="unpair",
        label="Unpair",
        told="The life of each device here ends: its keys are void, its connection closes, open "
        "commands end. Everything known of it stays readable, and the hardware can be claimed "
        "anew. This cannot be undone.",
        act=deeds.each(_unpair),
        is_grave=True,
        applies=lambda row: row.is_active,
    ),
    Deed(
        model=_DEVICE,
        name="release",
        label="Release to a next owner",
        told="The life here ends as by unpairing, and a claim code is shown once: who has it "
        "claims the hardware.",
        act=deeds.each(_release),
        most=20,
        is_grave=True,
        applies=lambda row: row.is_active,
    ),
    Deed(
        model=_DEVICE,
        name="rotate_key",
        label="Rotate key",
        told="A new key is made and shown once. The device must be given it.",
        act=deeds.each(_rotate),
        make_form=deeds.with_form(_RotateForm),
        most=20,
        applies=lambda row: row.is_active,
    ),
    Deed(
        model=_DEVICE,
        name="tag",
        label="Change tags",
        told="Adds tags to all these devices and removes others. A device has at most 50.",
        act=_tag,
        make_form=deeds.with_form(_TagForm),
        most=deeds.MANY,
        applies=lambda row: row.is_active,
    ),
    Deed(
        model="devices.provisioningkey",
        name="revoke",
        label="Revoke",
        told="The key lets no more devices in. Those it let in stay.",
        act=deeds.each(_revoke_key),
        applies=lambda row: row.revoked_at is None,
    ),
    Deed(
        model="devices.devicetransfer",
        name="cancel",
        label="Take back",
        told="The code of the offer is void. The device stays where it is.",
        act=deeds.each(_cancel_transfer),
        applies=lambda row: row.state == "offered",
    ),
    Deed(
        model="devices.enrolment",
        name="cancel",
        label="Cancel",
        told="No further row is enrolled. Those that are enrolled stay.",
        act=deeds.each(_cancel_enrolment),
        applies=lambda row: row.finished_at is None,
    ),
)
