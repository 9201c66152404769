"""What the ledger may say of a command, given what its device really did."""

from typing import Any

import pytest

from commands import state_machine
from devicelink import truth_agreements
from devicelink.truth_agreements import Told
from edge.simulator.truth import DeviceTruth

RAN = {"count": 1, "outcome": None}


@pytest.mark.parametrize(
    ("state", "run", "is_right"),
    [
        ("succeeded", RAN | {"outcome": "succeeded"}, True),
        ("succeeded", None, False),
        ("succeeded", RAN, False),
        ("succeeded", RAN | {"outcome": "failed"}, False),
        ("failed", RAN | {"outcome": "failed"}, True),
        ("failed", None, False),
        ("rejected", None, True),
        ("rejected", RAN | {"outcome": "succeeded"}, False),
        ("expired", None, True),
        ("expired", RAN, False),
        ("superseded", RAN | {"outcome": "succeeded"}, False),
        ("cancelled", None, True),
        ("cancelled", RAN | {"outcome": "cancelled"}, True),
        ("cancelled", RAN | {"outcome": "succeeded"}, False),
        ("timed_out", RAN | {"outcome": "succeeded"}, True),
        ("timed_out", None, True),
        ("queued", None, True),
    ],
)
def test_a_state_of_the_ledger_agrees_with_what_was_run_or_does_not(
    state: str, run: dict[str, Any] | None, is_right: bool
) -> None:
    assert state in state_machine.STATES
    assert (truth_agreements._problem(state, run) is None) is is_right


def test_what_ran_twice_or_too_late_is_noticed_whatever_the_ledger_says() -> None:
    before, deadline = "2026-11-21T10:00:00Z", "2026-11-21T10:00:30Z"
    told = DeviceTruth("sim-1-0")
    told.executed = {
        "right": {"count": 1, "server_time": before, "expires_at": deadline},
        "twice": {"count": 2, "server_time": before, "expires_at": deadline},
        "late": {"count": 1, "server_time": deadline, "expires_at": deadline},
    }
    found = Told()
    truth_agreements._compare_runs(found, told)
    assert [text.split()[1] for text in found.differences] == ["twice", "late"]
