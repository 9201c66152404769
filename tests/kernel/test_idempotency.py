"""Idempotency-Key: one effect and one answer for a request that is sent again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from kernel import errors, idempotency, tokens
from kernel.actors import Actor
from kernel.api.views import ApiRequest, ApiView
from kernel.models import Heartbeat, IdempotencyRecord
from tests.kernel.threads import run_at_once

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
ADA = Actor(kind="user", id="ada", label="Ada", user_id=1)
BOB = Actor(kind="user", id="bob", label="Bob", user_id=2)


class MakeToken(ApiView):
    """A route whose effect and answer are different each time it runs."""

    def post(self, request: ApiRequest) -> Response:
        if request.data.get("fail"):
            Heartbeat.objects.create(name="half done", beat_at=NOW)
            raise errors.Conflict
        made = tokens.new_token()
        Heartbeat.objects.create(name=made, beat_at=NOW)
        return Response({"token": made}, status=201, headers={"Location": "/made"})


def post(key: str = "key-1", /, *, actor: Actor = ADA, **body: Any) -> Any:
    request = APIRequestFactory().post(
        "/make", body, format="json", headers={"Idempotency-Key": key}
    )
    force_authenticate(request, user=object(), token=actor)
    response = MakeToken.as_view()(request)
    if hasattr(response, "render"):
        response.render()
    return response


class MakeArchive(ApiView):
    """A route that answers with bytes that are no text."""

    def post(self, request: ApiRequest) -> HttpResponse:
        content = b"PK\xff\x00" + os.urandom(64)
        return HttpResponse(
            content,
            content_type="application/zip",
            headers={"Content-Disposition": "attachment", "Cache-Control": "no-store"},
        )


def test_an_answer_that_is_no_text_is_replayed_byte_for_byte() -> None:
    answers = []
    for _ in range(2):
        request = APIRequestFactory().post("/make", headers={"Idempotency-Key": "archive"})
        force_authenticate(request, user=object(), token=ADA)
        answers.append(MakeArchive.as_view()(request))
    first, again = answers
    assert again["idempotency-replayed"] == "true"
    assert again.content == first.content
    for header in ("Content-Type", "Content-Disposition", "Cache-Control"):
        assert again[header] == first[header]


def effects() -> int:
    return Heartbeat.objects.count()


def reserve(*, now: datetime = NOW, fingerprint: str = "f", caller: str = "c") -> Any:
    return idempotency.reserve(caller=caller, key="key-1", fingerprint=fingerprint, now=now)


ANSWER = idempotency.StoredAnswer(status=201, content=b'{"a":1}', headers={"Location": "/x"})


def test_the_second_request_gets_the_first_answer() -> None:
    first, second = post(), post()
    assert (first.status_code, second.status_code) == (201, 201)
    assert json.loads(second.content) == json.loads(first.content)
    assert second["Location"] == "/made"
    assert second["idempotency-replayed"] == "true"
    assert not first.has_header("idempotency-replayed")
    assert effects() == 1


def test_ten_parallel_requests_have_one_effect() -> None:
    answers = run_at_once(10, lambda _: post())
    statuses = sorted(answer.status_code for answer in answers)  # type: ignore[union-attr]
    assert effects() == 1
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    refused = [json.loads(answer.content) for answer in answers if answer.status_code == 409]  # type: ignore[union-attr]
    assert {body["code"] for body in refused} <= {"idempotency_in_progress"}
    bodies = {answer.content for answer in answers if answer.status_code == 201}  # type: ignore[union-attr]
    assert len(bodies) == 1


def test_another_request_under_the_same_key_is_a_conflict() -> None:
    post()
    answer = post(colour="blue")
    assert (answer.status_code, answer.data["code"]) == (409, "idempotency_conflict")
    assert effects() == 1


def test_callers_do_not_share_keys() -> None:
    assert post().content != post(actor=BOB).content
    assert effects() == 2


def test_a_refusal_keeps_nothing_and_gives_the_key_back() -> None:
    assert post(fail=True).status_code == 409
    assert effects() == 0
    assert post().status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_an_unusable_key_is_refused(key: str) -> None:
    answer = post(key)
    assert (answer.status_code, answer.data["code"]) == (400, "validation_error")


def test_a_second_request_is_told_to_wait_while_the_first_runs() -> None:
    reserve()
    with pytest.raises(errors.IdempotencyInProgress) as refusal:
        reserve(now=NOW + timedelta(seconds=30))
    assert refusal.value.retry_after


def test_the_lease_of_a_killed_process_is_taken_over_by_exactly_one() -> None:
    killed = reserve()
    later = NOW + idempotency.LEASE + timedelta(seconds=1)
    outcomes = run_at_once(10, lambda _: reserve(now=later))
    won = [found for found in outcomes if isinstance(found, idempotency.Reservation)]
    lost = [found for found in outcomes if isinstance(found, errors.IdempotencyInProgress)]
    assert (len(won), len(lost)) == (1, 9)
    with pytest.raises(errors.IdempotencyInProgress):
        idempotency.complete(killed, ANSWER)
    idempotency.release(killed)
    idempotency.complete(won[0], ANSWER)
    assert reserve(now=later) == ANSWER


def test_an_answer_is_forgotten_after_a_day() -> None:
    idempotency.complete(reserve(), ANSWER)
    assert reserve(now=NOW + timedelta(hours=23)) == ANSWER
    tomorrow = NOW + idempotency.KEPT_FOR + timedelta(seconds=1)
    assert isinstance(reserve(now=tomorrow, fingerprint="other"), idempotency.Reservation)
    assert idempotency.forget_old(tomorrow + idempotency.KEPT_FOR + timedelta(seconds=1)) == 1


@pytest.fixture
def table() -> Iterator[Any]:
    """Everything the table holds, as bytes."""

    def dump() -> bytes:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM kernel_idempotencyrecord")
            rows = cursor.fetchall()
        return b"|".join(
            bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
            for row in rows
            for value in row
        )

    yield dump


def test_neither_keys_nor_answers_can_be_read_from_the_table(table: Any) -> None:
    made = json.loads(post("my-secret-key").content)["token"]
    assert IdempotencyRecord.objects.get().is_complete
    assert made.encode() not in table()
    assert b"my-secret-key" not in table()
    assert b"/made" not in table()
