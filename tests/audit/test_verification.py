"""A log that was tampered with, past the triggers, does not verify."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.services import verification
from tests.audit.entries import TRIGGERS_OFF, execute, record, stored
from tests.database_cleaning import SUPERUSER_URL
from tests.services import with_database

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
Tamper = Callable[..., None]


@pytest.fixture
def ten_entries() -> None:
    for number in range(10):
        record(number=number)
    record(tenant_id=None)


@pytest.fixture
def tamper(ten_entries: None) -> Iterator[Tamper]:
    """Runs statements as somebody who may switch the triggers off."""
    if connection.vendor == "postgresql":
        with _superuser() as session:
            yield lambda statement, *parameters: session.execute(statement, parameters or None)
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


def bad() -> list[tuple[int, int]]:
    """Chain and number of the first bad entry of each chain."""
    return [(entry.chain_id, entry.seq) for entry in verification.verify_chains().bad]


def test_an_untouched_log_verifies(ten_entries: None) -> None:
    report = verification.verify_chains()
    assert report.is_intact
    assert report.entries == 11
    assert report.heads[1] == verification.Head(seq=10, entry_hash=stored()[-1].entry_hash)


def test_an_empty_log_verifies() -> None:
    assert verification.verify_chains().is_intact


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("action", "forged"),
        ("at", "2020-01-01 00:00:00+00:00"),
        ("actor_id", "somebody-else"),
        ("actor_label", "Eve"),
        ("actor_address", "198.51.100.1"),
        ("target_id", "another"),
        ("before", '{"is_on": true}'),
        ("after", "null"),
        ("cause", "[]"),
        ("tenant_id", "7"),
        ("previous_hash", "f" * 64),
        ("entry_hash", "f" * 64),
    ],
)
def test_a_changed_value_is_found(tamper: Tamper, column: str, value: str) -> None:
    cast = "::jsonb" if connection.vendor == "postgresql" and value[0] in "{[n" else ""
    tamper(f"UPDATE audit_auditentry SET {column} = '{value}'{cast} WHERE chain_id = 1 AND seq = 4")
    assert bad() == [(1, 4)]


def test_five_hundred_random_forgeries_are_all_found(tamper: Tamper) -> None:
    chance = random.Random(7)
    columns = ["action", "actor_kind", "actor_id", "actor_label", "actor_via", "actor_address"]
    columns += ["request_id", "target_type", "target_id", "previous_hash", "entry_hash"]
    for _ in range(500):
        victim = chance.choice(stored())
        column = chance.choice(columns)
        original: str = getattr(victim, column)
        place = chance.randrange(len(original)) if original else 0
        forged = original[:place] + chance.choice("xyz") + original[place + chance.randint(0, 1) :]
        forged = forged[: victim._meta.get_field(column).max_length]
        if forged == original:
            continue
        statement = f"UPDATE audit_auditentry SET {column} = %s WHERE id = {victim.pk}"
        tamper(statement, forged)
        assert bad() == [(1, victim.seq)], (column, original, forged)
        tamper(statement, original)
    assert bad() == []


def test_a_removed_entry_is_found(tamper: Tamper) -> None:
    tamper("DELETE FROM audit_auditentry WHERE chain_id = 1 AND seq = 4")
    assert bad() == [(1, 5)]


def test_a_removed_beginning_is_found(tamper: Tamper) -> None:
    tamper("DELETE FROM audit_auditentry WHERE chain_id = 1 AND seq <= 3")
    assert bad() == [(1, 4)]


def test_a_tail_that_was_cut_off_is_found_by_an_earlier_head(tamper: Tamper) -> None:
    earlier = verification.verify_chains().heads
    tamper("DELETE FROM audit_auditentry WHERE chain_id = 1 AND seq >= 8")
    assert verification.verify_chains().is_intact
    report = verification.verify_chains(earlier=earlier)
    assert [(entry.chain_id, entry.seq) for entry in report.bad] == [(1, 8)]


def test_a_chain_that_vanished_whole_is_found_by_an_earlier_head(tamper: Tamper) -> None:
    earlier = verification.verify_chains().heads
    tamper("DELETE FROM audit_auditentry WHERE chain_id = 1")
    assert not verification.verify_chains(earlier=earlier).is_intact


def test_two_swapped_entries_are_found(tamper: Tamper) -> None:
    tamper("UPDATE audit_auditentry SET seq = -4 WHERE chain_id = 1 AND seq = 4")
    tamper("UPDATE audit_auditentry SET seq = 4 WHERE chain_id = 1 AND seq = 5")
    tamper("UPDATE audit_auditentry SET seq = 5 WHERE chain_id = 1 AND seq = -4")
    assert bad() == [(1, 4)]


def test_an_entry_put_in_between_is_found(tamper: Tamper) -> None:
    tamper("UPDATE audit_auditentry SET seq = seq + 100 WHERE chain_id = 1 AND seq > 4")
    tamper("UPDATE audit_auditentry SET seq = seq - 99 WHERE chain_id = 1 AND seq > 100")
    columns = ", ".join(
        field.column
        for field in stored()[0]._meta.concrete_fields
        if field.column not in {"id", "seq"}
    )
    tamper(
        f"INSERT INTO audit_auditentry (seq, {columns}) "
        f"SELECT 5, {columns} FROM audit_auditentry WHERE chain_id = 1 AND seq = 4"
    )
    assert [entry.seq for entry in stored()] == list(range(1, 12))
    assert bad() == [(1, 5)]


def test_an_entry_moved_to_another_chain_is_found(tamper: Tamper) -> None:
    tamper("UPDATE audit_auditentry SET chain_id = 3, seq = 1 WHERE chain_id = 1 AND seq = 10")
    assert bad() == [(3, 1)]


def test_history_written_anew_is_found_by_an_earlier_head(tamper: Tamper) -> None:
    earlier = verification.verify_chains().heads
    tamper("DELETE FROM audit_auditentry WHERE chain_id = 1")
    for number in range(12):
        record(number=number + 50)
    assert verification.verify_chains().is_intact
    report = verification.verify_chains(earlier=earlier)
    assert [(entry.chain_id, entry.seq) for entry in report.bad] == [(1, 10)]


def test_the_command_says_that_all_is_well(ten_entries: None, tmp_path: Path) -> None:
    heads = tmp_path / "heads.json"
    for _ in range(2):
        output = StringIO()
        call_command("audit_verify", checkpoint=heads, stdout=output)
        assert "intact: 11 entries in 2 chains" in output.getvalue()


def test_the_command_names_the_first_bad_entry_and_fails(tamper: Tamper) -> None:
    tamper("UPDATE audit_auditentry SET action = 'forged' WHERE chain_id = 1 AND seq IN (4, 6)")
    complaint = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("audit_verify", tenant=1, stderr=complaint)
    assert failure.value.returncode == 1
    assert "Chain 1: entry 4 does not hold: its content was changed." in complaint.getvalue()
    call_command("audit_verify", tenant=0, stdout=StringIO())


def test_the_command_finds_a_cut_tail_by_its_checkpoint(tamper: Tamper, tmp_path: Path) -> None:
    heads = tmp_path / "heads.json"
    call_command("audit_verify", checkpoint=heads, stdout=StringIO())
    kept = heads.read_text()
    tamper("DELETE FROM audit_auditentry WHERE chain_id = 1 AND seq = 10")
    with pytest.raises(CommandError):
        call_command("audit_verify", checkpoint=heads, stderr=StringIO())
    assert heads.read_text() == kept


def test_more_entries_than_a_page_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "_PAGE", 3)
    for number in range(9):
        record(number=number)
    report = verification.verify_chains()
    assert (report.is_intact, report.entries) == (True, 9)
