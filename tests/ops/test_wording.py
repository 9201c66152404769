"""Every state, reason and ending that a device can be in has words for people."""

from __future__ import annotations

import pytest

from devices import choices
from devices.services.erasure_areas import impersonal
from ops import final_states, wording

FINAL = {
    "device": {"model": "HP-R4", "device_id": "till-7", "name": "Ada's oven"},
    "site": "lobby",
    "tags": ["night"],
    "config": {"relay_names": {"0": "Oven"}, "power_restore_mode": "off"},
    "firmware_version": "1.2.0",
    "connectivity": {"state": "online", "last_seen_at": "2026-03-01T12:00:00+00:00"},
    "relays": [
        {"relay_index": 0, "is_on": True, "changed_by": "Ada"},
        {"relay_index": 1, "is_on": None},
    ],
    "telemetry": {"metrics": {"cpu_percent": 12.0}, "at": "2026-03-01T12:00:00+00:00"},
    "commands": [{"kind": "set_relay", "payload": {"relay_index": 0, "is_on": False}}],
}


@pytest.mark.parametrize(
    ("words", "vocabulary"),
    [
        (wording.END_LABELS, choices.LifeEnd),
        (wording.END_SENTENCES, choices.LifeEnd),
        (wording.BEGIN_SENTENCES, choices.EnrolledBy),
        (wording.KEY_LABELS, choices.KeyState),
        (wording.TRANSFER_LABELS, choices.TransferState),
        (wording.ERASURE_LABELS, choices.ErasureState),
        (wording.PAIRING_LABELS, choices.Pairing),
    ],
)
def test_no_value_is_shown_as_the_code_has_it(words: dict[str, str], vocabulary: object) -> None:
    assert words.keys() == set(vocabulary.values)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ("devices.device.unpaired", "Device unpaired"),
        ("devices.credential.promoted", "New key used for the first time"),
        ("devices.device.claimed", "Device claimed"),
        ("relays.relay.switched", "Relay switched"),
    ],
)
def test_changes_are_told_in_words(action: str, text: str) -> None:
    assert wording.audit_action(action) == text


def test_a_final_state_is_read_as_people_read_it() -> None:
    final = final_states.read(FINAL)
    assert final is not None
    assert [(each.name, each.is_on) for each in final.relays] == [("Oven", True), ("Relay 2", None)]
    assert final.relays_on == 1
    assert final.open_commands == ("Turn Oven off",)
    assert final.reading is not None
    assert final.last_seen_at is not None


def test_an_erased_final_state_is_read_without_what_was_taken_out() -> None:
    final = final_states.read(impersonal(FINAL))
    assert final is not None
    assert [each.name for each in final.relays] == ["Relay 1", "Relay 2"]
    assert final.tags == ()
    assert final.open_commands == ()


@pytest.mark.parametrize("broken", [{"relays": "none"}, {"telemetry": None}, {"tags": None}, {}])
def test_a_final_state_with_holes_breaks_no_page(broken: dict[str, object]) -> None:
    final = final_states.read({"firmware_version": "1", **broken})
    assert final is not None
    assert final.relays == ()


def test_codes_are_grouped_as_people_type_them() -> None:
    assert wording.grouped("ABCD1234") == "ABCD-1234"
    assert wording.count_of(1, "day") == "1 day"
    assert wording.count_of(2, "day") == "2 days"


def test_what_was_erased_is_said_so_and_never_shown_as_a_hole() -> None:
    assert wording.action(kind="set_relay", payload={}, relay_names={}) == "Switch a relay"
    assert wording.hardware("erased~118a0f91") == "Erased"
    assert wording.hardware("AA:BB") == "AA:BB"


def test_jobs_of_the_platform_go_by_its_name() -> None:
    assert wording.who(kind="system", label="devices.erasures") == "Homepot"
    assert wording.who(kind="system", label="transfer to Bakery Ltd.") == "transfer to Bakery Ltd."
    assert wording.who(kind="user", label="ada@example.com") == "ada@example.com"
