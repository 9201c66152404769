"""The keys of a bulk enrolment: handed out once, under the passphrase, then wiped."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import AuditEntry
from devices.models import Enrolment, EnrolmentRow
from devices.services import credentials, enrolment_deadlines, enrolment_keys, enrolment_runs
from devices.services.enrolling import StartedEnrolment
from kernel.actors import Actor
from kernel.models import IdempotencyRecord
from tests.accounts.people import assert_refused, browser_of, make_admin
from tests.devices.enrolment_lists import (
    device_rows,
    hardware_rows,
    now_of,
    rows_of,
    run_all,
    started,
    unpacked,
)
from tests.factories.users import actor_of, client_of, sign_in
from tests.kernel.threads import run_at_once

# Rate limits commit on their own, so the calls run as they do in production.
pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def done(owner: Actor) -> StartedEnrolment:
    """Three enrolled devices whose keys wait for their owner."""
    rows = [*device_rows(2), {"device_id": "pos-3", "name": "=SUM(A1)"}]
    made = started(owner, rows)
    run_all()
    return made


def fetch(api: APIClient, made: StartedEnrolment, passphrase: str = "", **headers: str) -> Any:
    body = {"passphrase": passphrase or made.passphrase}
    path = f"/api/v1/enrolments/{made.enrolment.uid}/keys"
    return api.post(path, body, format="json", headers=headers)


def table(files: dict[str, str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files["keys.csv"])))


def is_wiped(made: StartedEnrolment) -> bool:
    enrolment = now_of(made.enrolment)
    return enrolment.seal_key is None and not any(
        row.sealed_secret for row in rows_of(made.enrolment)
    )


def test_the_archive_has_a_key_for_each_device(api: APIClient, done: StartedEnrolment) -> None:
    answer = fetch(api, done)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Disposition"].endswith(f'"enrolment-{done.enrolment.uid}.zip"')
    rows = table(unpacked(answer.content, done.passphrase))
    assert [row["device_id"] for row in rows] == ["pos-1", "pos-2", "pos-3"]
    assert rows[0].keys() == {"device_id", "uid", "name", "site", "api_key"}
    assert rows[2]["name"] == "'=SUM(A1)"
    for row in rows:
        found = credentials.authenticate_device(
            device_uid=row["device_id"], token=row["api_key"], now=timezone.now()
        )
        assert found.uid == row["uid"]


def test_only_the_passphrase_opens_the_archive(api: APIClient, done: StartedEnrolment) -> None:
    content = fetch(api, done).content
    with pytest.raises(RuntimeError, match="Bad password"):
        unpacked(content, "AAAA-BBBB-CCCC-DDDD-EEEE-FFFF")


def test_the_keys_can_be_fetched_once(api: APIClient, done: StartedEnrolment) -> None:
    assert fetch(api, done).status_code == 200
    assert is_wiped(done)
    assert_refused(fetch(api, done), 409, "already_downloaded")
    shown = api.get(f"/api/v1/enrolments/{done.enrolment.uid}").json()
    assert shown["downloaded_at"] is not None and shown["has_keys"] is False
    entries = AuditEntry.objects.unscoped("tests")
    assert entries.filter(action="devices.enrolment.keys_downloaded").count() == 1


def test_two_who_fetch_at_once_get_one_archive(
    owner: Actor, api: APIClient, done: StartedEnrolment
) -> None:
    def take(number: int) -> int:
        return int(fetch(api, done).status_code)

    assert sorted(run_at_once(3, take)) == [200, 409, 409]  # type: ignore[type-var]


def test_the_passphrase_may_be_typed_carelessly(api: APIClient, done: StartedEnrolment) -> None:
    typed = f" {done.passphrase.lower().replace('-', ' ')} "
    answer = fetch(api, done, typed)
    assert answer.status_code == 200
    assert len(table(unpacked(answer.content, done.passphrase))) == 3


def test_a_wrong_passphrase_wipes_nothing_and_counts(
    api: APIClient, done: StartedEnrolment
) -> None:
    for number in range(enrolment_keys.WRONG_TRIES):
        # With an Idempotency-Key a refusal must not undo the count either.
        headers = {"Idempotency-Key": f"try-{number}"} if number % 2 else {}
        assert_refused(fetch(api, done, "AAAA-BBBB", **headers), 403, "wrong_passphrase")
    assert not is_wiped(done)
    assert_refused(fetch(api, done), 429, "rate_limited")
    assert not is_wiped(done)


def test_an_interrupted_download_is_repeated_with_its_key(
    api: APIClient, done: StartedEnrolment
) -> None:
    first = fetch(api, done, **{"Idempotency-Key": "once"})
    again = fetch(api, done, **{"Idempotency-Key": "once"})
    assert first.status_code == again.status_code == 200
    assert again["idempotency-replayed"] == "true"
    assert again.content == first.content
    for header in ("Content-Type", "Content-Disposition", "Cache-Control"):
        assert again[header] == first[header]
    assert is_wiped(done)
    assert_refused(fetch(api, done), 409, "already_downloaded")


def test_the_answer_is_stored_with_the_wiping_or_neither_is(
    api: APIClient, done: StartedEnrolment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*given: Any, **more: Any) -> None:
        raise SystemError("killed")

    # The unit of work has ended, the second storing of the answer never comes.
    with monkeypatch.context() as patch:
        patch.setattr(enrolment_keys.ratelimit, "give_back", killed)
        patch.setattr("kernel.idempotency.release", lambda reservation: None)
        api.raise_request_exception = False
        assert fetch(api, done, **{"Idempotency-Key": "once"}).status_code == 500
    assert is_wiped(done)
    again = fetch(api, done, **{"Idempotency-Key": "once"})
    assert again.status_code == 200
    assert len(table(unpacked(again.content, done.passphrase))) == 3


def test_a_failure_to_store_the_answer_wipes_nothing(
    api: APIClient, done: StartedEnrolment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*given: Any) -> None:
        raise SystemError("killed")

    api.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr("kernel.idempotency.complete", killed)
        assert fetch(api, done, **{"Idempotency-Key": "once"}).status_code == 500
    assert not is_wiped(done)
    assert IdempotencyRecord.objects.count() == 0
    assert fetch(api, done, **{"Idempotency-Key": "once"}).status_code == 200


def test_keys_wait_for_the_end_of_the_run(
    api: APIClient, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment_runs, "CHUNK", 2)
    made = started(owner, device_rows(4))
    assert_refused(fetch(api, made), 409, "conflict")
    enrolment_runs.run_chunk(enrolment_id=made.enrolment.pk, now=timezone.now())
    assert_refused(fetch(api, made), 409, "conflict")
    api.delete(f"/api/v1/enrolments/{made.enrolment.uid}")
    files = unpacked(fetch(api, made).content, made.passphrase)
    assert [row["device_id"] for row in table(files)] == ["pos-1", "pos-2"]


def test_keys_that_nobody_fetched_are_gone(api: APIClient, done: StartedEnrolment) -> None:
    enrolment_deadlines.sweep(timezone.now() + timedelta(days=8))
    assert_refused(fetch(api, done), 409, "keys_expired")


def test_a_passphrase_opens_its_own_enrolment_only(
    api: APIClient, owner: Actor, done: StartedEnrolment
) -> None:
    other = started(owner, device_rows(1, prefix="other"))
    run_all()
    assert_refused(fetch(api, other, done.passphrase), 403, "wrong_passphrase")


def test_a_row_swapped_in_the_database_does_not_open(
    api: APIClient, done: StartedEnrolment
) -> None:
    rows = rows_of(done.enrolment)
    kept = EnrolmentRow.objects.unscoped("tests")
    kept.filter(pk=rows[0].pk).update(sealed_secret=rows[1].sealed_secret)
    api.raise_request_exception = False
    assert fetch(api, done).status_code == 500
    assert not is_wiped(done)


def test_claim_codes_come_with_a_sheet_of_labels(settings: Any) -> None:
    settings.PUBLIC_URL = "https://home.example"
    admin = make_admin()
    rows = [*hardware_rows(2), {"hardware_id": "AA:BB:3", "name": "<b>Bold</b> & co"}]
    made = started(actor_of(admin), rows, mode="claim_code")
    run_all()
    answer = fetch(client_of(sign_in(admin)), made, Accept="application/zip")
    files = unpacked(answer.content, made.passphrase)
    codes = [row["claim_code"] for row in table(files)]
    assert all(re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", code) for code in codes)
    sheet = files["claim-sheet.html"]
    assert sheet.count("<svg") == 3 and all(code in sheet for code in codes)
    assert "&lt;b&gt;Bold&lt;/b&gt; &amp; co" in sheet and "<b>" not in sheet
    assert not re.search(r"<(script|link|img)|url\(|https?://(?!home\.example)", sheet)


def test_a_label_leads_to_the_claim_page_with_its_code(user: Any) -> None:
    page = browser_of(user).get("/dashboard/claim?code=ABCD-1234")
    assert b'value="ABCD-1234"' in page.content
    hostile = browser_of(user).get('/dashboard/claim?code="><script>alert(1)</script>')
    assert b"<script>alert" not in hostile.content


def test_enrolments_are_listed_newest_first(api: APIClient, done: StartedEnrolment) -> None:
    items = api.get("/api/v1/enrolments").json()["items"]
    assert [item["uid"] for item in items] == [done.enrolment.uid]
    assert items[0]["has_keys"] is True
    assert Enrolment.objects.unscoped("tests").count() == 1


def test_an_erased_row_is_left_out_and_spoils_no_other(
    api: APIClient, done: StartedEnrolment
) -> None:
    rows = EnrolmentRow.objects.unscoped("tests").filter(enrolment=done.enrolment)
    rows.filter(number=1).update(given={}, sealed_secret=None)
    files = unpacked(fetch(api, done).content, done.passphrase)
    assert [row["device_id"] for row in table(files)] == ["pos-2", "pos-3"]


def test_a_waiting_row_that_was_erased_fails_alone(owner: Actor) -> None:
    made = started(owner, device_rows(2)).enrolment
    EnrolmentRow.objects.unscoped("tests").filter(enrolment=made, number=1).update(given={})
    run_all()
    assert [row.state for row in rows_of(made)] == ["failed", "enrolled"]
