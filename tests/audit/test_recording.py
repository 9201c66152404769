"""Entries are written with the change, in one chain per tenant."""

from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import chain
from audit.models import AuditEntry
from audit.services import verification
from kernel.unit_of_work import unit_of_work
from tests.audit.entries import NOW, add, execute, record, stored

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
WRITERS = 100


def test_an_entry_says_who_what_when_and_continues_the_chain() -> None:
    record(number=1)
    record(number=2)
    first, second = stored()
    assert (first.seq, first.previous_hash) == (1, chain.GENESIS)
    assert (second.seq, second.previous_hash) == (2, first.entry_hash)
    assert (first.actor_kind, first.actor_id, first.actor_label) == ("user", "u-1", "Ada")
    assert (first.actor_via, first.actor_address, first.request_id) == ("api", "192.0.2.7", "req-1")
    assert first.before == {"is_on": False, "number": 1}
    assert first.at == NOW


def test_a_rollback_leaves_no_entry() -> None:
    with pytest.raises(LookupError), unit_of_work():
        add()
        raise LookupError
    assert stored() == []
    record()
    assert [entry.seq for entry in stored()] == [1]


def test_recording_outside_a_unit_of_work_is_refused() -> None:
    with pytest.raises(RuntimeError):
        add()


def test_one_unit_of_work_may_write_to_several_chains() -> None:
    with unit_of_work():
        add(tenant_id=2, number=1)
        add(tenant_id=None, number=2)
        add(tenant_id=2, number=3)
    assert [entry.target_id for entry in stored(2)] == ["device-1", "device-3"]
    assert [entry.tenant_id for entry in stored(0)] == [None]
    assert verification.verify_chains().is_intact


def test_addresses_stay_out_where_the_installation_says_so(settings: object) -> None:
    settings.AUDIT_ADDRESSES = False  # type: ignore[attr-defined]
    record()
    assert stored()[0].actor_address == ""


def test_a_value_that_is_no_json_is_refused_where_it_is_recorded() -> None:
    with pytest.raises(chain.NotRecordable), unit_of_work():
        add(after={"key": object()})


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
)
_DOCUMENTS = st.dictionaries(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6),
    st.recursive(
        _SCALARS,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "ä", "𝄞", "b"]), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=4,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(document=_DOCUMENTS)
def test_any_document_verifies_after_its_way_through_the_database(
    document: dict[str, object],
) -> None:
    record(before=document, after={"whole": 1.0, "huge": 1e22, "tiny": 5e-324, "zero": -0.0})
    assert verification.verify_chains().is_intact


def test_a_hundred_parallel_writers_make_one_chain_without_a_fork() -> None:
    start = threading.Barrier(WRITERS)
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            start.wait(60)
            record(tenant_id=1 if number % 2 else 2, number=number)
        except BaseException as error:  # noqa: BLE001  reported by the main thread
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for tenant_id in (1, 2):
        assert [entry.seq for entry in stored(tenant_id)] == list(range(1, WRITERS // 2 + 1))
    report = verification.verify_chains()
    assert report.is_intact
    assert report.entries == WRITERS


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditentry SET action = 'forged'",
        "DELETE FROM audit_auditentry",
        "TRUNCATE audit_auditentry",
        "INSERT OR REPLACE INTO audit_auditentry SELECT * FROM audit_auditentry",
    ],
    ids=["update", "delete", "truncate", "replace"],
)
def test_the_database_refuses_to_change_or_remove_entries(statement: str) -> None:
    record()
    before = stored()[0].entry_hash
    with pytest.raises(DatabaseError), transaction.atomic():
        execute(statement)
    assert [entry.entry_hash for entry in stored()] == [before]


def test_the_orm_is_refused_too() -> None:
    record()
    rows = AuditEntry.objects.unscoped("the test tries to forge")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        rows.update(action="forged")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        rows.all().delete()
    assert len(stored()) == 1
