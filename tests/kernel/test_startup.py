"""Registries close when every app is ready."""

from __future__ import annotations

import pytest

from commands import registry as command_kinds
from devices import registry as device_hooks
from kernel import ticker
from kernel.startup import TooLate


def test_no_kind_of_command_is_added_while_the_product_runs() -> None:
    late = command_kinds.Kind(
        name="late", encode=lambda uid, payload, at: None, apply=lambda outcome, now: None
    )

    with pytest.raises(TooLate):
        command_kinds.register(late)


@pytest.mark.parametrize("hook", [device_hooks.on_registration, device_hooks.on_claim])
def test_no_device_hook_is_added_while_the_product_runs(hook) -> None:
    with pytest.raises(TooLate):
        hook(lambda facts: None)


def test_no_job_is_added_while_the_product_runs() -> None:
    with pytest.raises(TooLate):
        ticker.register("late", every_s=1, run=lambda now: None)

    assert "late" not in {job.name for job in ticker.jobs()}
