"""Whatever statement fails, a service writes everything or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import OperationalError, connection
from django.utils import timezone

from devices.services import claiming
from kernel import errors
from kernel.actors import Actor
from kernel.unit_of_work import require_unit_of_work
from tests.commands.ledger import answer, pull, report
from tests.factories.devices import Board, connected_device, make_device, provision, switch
from tests.factories.users import make_actor

# Tries are counted even when what follows rolls back.
NOT_TRANSACTIONAL = {"kernel_ratewindow", "django_session", "django_migrations"}
pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


class FailsAt:
    """Lets every statement through but the n-th of the transaction."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        # After COMMIT subscribers may read; they are isolated and change nothing.
        is_inside = _is_in_unit_of_work()
        self.left -= is_inside
        if self.left == 0 and is_inside:
            raise OperationalError("the database went away")
        return execute(sql, params, many, context)


def _is_in_unit_of_work() -> bool:
    try:
        require_unit_of_work()
    except RuntimeError:
        return False
    return True


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables of ours."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = model._meta.db_table
            if table not in NOT_TRANSACTIONAL:
                cursor.execute(f'SELECT * FROM "{table}"')
                found[table] = sorted(cursor.fetchall(), key=repr)
    return found


def fail_at_every_statement(service: Callable[[], object]) -> int:
    """Run the service with its 1st, 2nd, … statement failing, until it gets through."""
    before = everything()
    for number in range(1, 200):
        fault = FailsAt(number)
        try:
            with connection.execute_wrapper(fault):
                service()
        except (OperationalError, errors.Unavailable):
            assert everything() == before, f"statement {number} left something behind"
        else:
            assert fault.left > 0, f"statement {number} failed and nobody noticed"
            assert everything() != before
            return number - 1
    raise AssertionError("it never got through")


@pytest.fixture
def owner() -> Actor:
    return make_actor()


@pytest.fixture
def board(owner: Actor) -> Board:
    return connected_device(owner)


def test_switching_a_relay(owner: Actor, board: Board) -> None:
    switch(owner, board, 0, False)
    assert fail_at_every_statement(lambda: switch(owner, board, 0, True)) > 5


def test_handing_out_commands(owner: Actor, board: Board) -> None:
    for index in range(3):
        switch(owner, board, index, True)
    assert fail_at_every_statement(lambda: pull(board, timezone.now())) > 5


def test_recording_an_answer(owner: Actor, board: Board) -> None:
    command_id = switch(owner, board, 0, True).id
    pull(board, timezone.now())
    ack = (board, command_id, timezone.now(), (0, True))
    assert fail_at_every_statement(lambda: answer(*ack, state_seq=0)) > 5


def test_applying_a_report(board: Board) -> None:
    now = timezone.now()
    assert fail_at_every_statement(lambda: report(board, [True] * 4, now, state_seq=0)) > 5


def test_claiming_a_device(owner: Actor) -> None:
    code = provision().claim_code
    claim = fail_at_every_statement(
        lambda: claiming.claim_device(code=code, actor=owner, now=timezone.now())
    )
    assert claim > 5


def test_registering_new_hardware() -> None:
    assert fail_at_every_statement(lambda: provision("hw-new")) > 5


def test_registering_known_hardware_again() -> None:
    provision("hw-known")
    assert fail_at_every_statement(lambda: provision("hw-known")) > 5


def test_a_new_device_with_an_owner_is_whole(owner: Actor) -> None:
    assert make_device(owner).row().pairing == "paired"
