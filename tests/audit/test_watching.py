"""What is known of the chains: kept, renewed a little at a time, and loud when one does not hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.models import AuditEntry, Verification
from audit.services import watching
from kernel import errors, row_security
from kernel.actors import Actor
from tests.audit.entries import NOW, TRIGGERS_OFF, execute, record, user
from tests.database_cleaning import SUPERUSER_URL
from tests.services import with_database

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
Tamper = Callable[[str], object]
LATER = NOW + timedelta(minutes=2)


@pytest.fixture
def tamper() -> Iterator[Tamper]:
    """Runs statements as somebody who may switch the triggers off."""
    if connection.vendor == "postgresql":
        with _superuser() as session:
            yield session.execute
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = [text for (text,) in cursor.fetchall()]
    for statement in TRIGGERS_OFF["sqlite"]:
        execute(statement)
    yield execute
    for text in triggers:
        execute(text)


@contextmanager
def _superuser() -> Iterator[psycopg.Connection[Any]]:
    address = with_database(os.environ[SUPERUSER_URL], str(connection.settings_dict["NAME"]))
    with psycopg.connect(address, autocommit=True) as session:
        session.execute("SET session_replication_role = replica")
        yield session


@pytest.fixture
def five(db: None) -> None:
    watching._Search.after = -1
    for number in range(5):
        record(number=number)


def known(chain_id: int = 1) -> Verification:
    rows = Verification.objects.unscoped("tests look at everything")
    found: Verification = rows.get(chain_id=chain_id)
    return found


def look(now: datetime, *, times: int = 1) -> None:
    for _ in range(times):
        watching.watch(now)


def test_a_chain_is_found_verified_and_followed(five: None) -> None:
    look(NOW)
    assert (known().state, known().head_seq, known().whole_at) == ("intact", 5, NOW)
    record(number=6)
    look(NOW)
    assert known().head_seq == 5
    look(LATER)
    assert (known().state, known().head_seq, known().checked_at) == ("intact", 6, LATER)
    assert known().whole_at == NOW


def test_a_long_chain_is_verified_a_stretch_at_a_time(
    five: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "STRETCH", 2)
    look(NOW)
    assert known().state == "unknown" and 0 < known().pass_seq < 5
    look(NOW, times=2)
    assert (known().state, known().head_seq, known().pass_seq) == ("intact", 5, 0)


def test_two_that_look_at_once_keep_one_outcome(five: None) -> None:
    look(NOW)
    row = known()
    row.looked_at = NOW - timedelta(hours=1)
    watching._look(row, LATER)
    assert known().checked_at == NOW


@pytest.mark.parametrize(
    ("statement", "seq"),
    [
        ("UPDATE audit_auditentry SET actor_label = 'Eve' WHERE chain_id = 1 AND seq = 2", 2),
        ("UPDATE audit_auditentry SET actor_label = 'Eve' WHERE chain_id = 1 AND seq = 5", 5),
        ("DELETE FROM audit_auditentry WHERE chain_id = 1 AND seq >= 4", 4),
        ("DELETE FROM audit_auditentry WHERE chain_id = 1", 1),
    ],
)
def test_a_broken_chain_is_told_and_stays_told(
    five: None, tamper: Tamper, statement: str, seq: int
) -> None:
    look(NOW)
    tamper(statement)
    tomorrow = NOW + timedelta(days=1, seconds=1)
    look(tomorrow)
    assert (known().state, known().bad_seq, known().broken_at) == ("broken", seq, tomorrow)
    look(tomorrow + timedelta(minutes=2), times=2)
    assert known().state == "broken"
    cries = AuditEntry.objects.unscoped("tests look at everything").filter(
        chain_id=0, action="audit.chain.broken"
    )
    assert [(entry.target_id, entry.after["seq"]) for entry in cries] == [("1", seq)]


def test_a_tail_that_is_missing_is_noticed_with_the_next_look(five: None, tamper: Tamper) -> None:
    look(NOW)
    tamper("DELETE FROM audit_auditentry WHERE chain_id = 1 AND seq = 5")
    look(LATER)
    assert (known().state, known().bad_seq) == ("broken", 5)


def test_administrators_have_a_chain_verified_at_once(five: None, tamper: Tamper) -> None:
    look(NOW)
    tamper("UPDATE audit_auditentry SET action = 'forged' WHERE chain_id = 1 AND seq = 2")
    admin = Actor(kind="user", id="u-2", label="Bo", user_id=2, roles={1: "admin"}, via="page")
    assert watching.ask(actor=admin, now=LATER) == 1
    look(LATER)
    assert (known().state, known().bad_seq, known().asked_at) == ("broken", 2, None)


def test_a_chain_that_was_put_right_is_intact_again(five: None, tamper: Tamper) -> None:
    look(NOW)
    admin = Actor(kind="user", id="u-2", label="Bo", user_id=2, roles={1: "owner"}, via="page")
    for label, state in (("Eve", "broken"), ("Ada", "intact")):
        tamper(
            f"UPDATE audit_auditentry SET actor_label = '{label}' WHERE chain_id = 1 AND seq = 2"
        )
        watching.ask(chain_ids=[1], actor=admin, now=LATER)
        look(LATER)
        assert known().state == state
    assert (known().bad_seq, known().problem) == (None, "")


def test_who_runs_the_platform_takes_a_chain_as_it_is(five: None, tamper: Tamper) -> None:
    look(NOW)
    tamper("DELETE FROM audit_auditentry WHERE chain_id = 1 AND seq = 5")
    look(LATER)
    with pytest.raises(errors.PermissionDenied):
        watching.accept(chain_id=1, actor=user(tenants=(1,)), now=LATER)
    with pytest.raises(CommandError):
        call_command("audit_verify", "--accept")
    call_command("audit_verify", "--accept", "--tenant", "1", stdout=StringIO())
    look(LATER)
    assert (known().state, known().head_seq) == ("intact", 4)
    with pytest.raises(errors.NotFound):
        watching.accept(chain_id=1, actor=user(is_admin=True), now=LATER)


def test_others_cannot_ask(five: None) -> None:
    for roles in ({}, {1: "viewer"}, {1: "operator"}, {2: "owner"}):
        actor = Actor(kind="user", id="u-3", label="Cy", user_id=3, roles=roles, via="page")
        with row_security.actor_scope(actor), pytest.raises(errors.PermissionDenied):
            watching.ask(chain_ids=[1], actor=actor, now=NOW)
