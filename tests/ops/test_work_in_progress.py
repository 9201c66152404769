"""Long work of the viewer's: what runs, what ended lately, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from commands.services import batch_runs
from ops import work_in_progress
from tests.devices.enrolment_lists import run_all
from tests.factories.devices import connected_device
from tests.factories.users import make_user
from tests.ops.console import Person, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db: None) -> Person:
    """Who has long work done."""
    return Person(make_user())


def _work(person: Person) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = person.client.get("/api/v1/work").json()["items"]
    return items


def _start_enrolment(person: Person) -> str:
    file = SimpleUploadedFile("devices.csv", b"device_id,name\ntill-1,Front\ntill-2,Back\n")
    where = person.sent_on("/dashboard/enrol", file=file)  # type: ignore[arg-type]
    person.post(f"{where}/start")
    return where


@pytest.mark.core
def test_an_enrolment_is_followed_from_its_start_to_an_hour_after_its_end(ada: Person) -> None:
    assert _work(ada) == []
    where = _start_enrolment(ada)

    (begun,) = _work(ada)
    run_all()
    (ended,) = _work(ada)
    later = timezone.now() + work_in_progress.LATELY + timedelta(minutes=1)

    assert (begun["kind"], begun["url"], begun["done"], begun["total"]) == (
        "enrolment",
        where,
        0,
        2,
    )
    assert begun["finished_at"] is None
    assert (ended["done"], ended["tone"]) == (2, "good")
    assert ended["finished_at"] is not None
    assert work_in_progress.of_viewer(actor=ada.actor, now=later) == []


@pytest.mark.core
def test_a_batch_is_its_starters_only(ada: Person) -> None:
    connected_device(ada.actor)
    made = ada.client.post(
        "/api/v1/command-batches",
        {"kind": "run_diagnostics", "target": {"query": "status:online"}},
        content_type="application/json",
    )
    assert made.status_code in {201, 202}, made.content

    (work,) = _work(ada)
    batch_runs.run(timezone.now())

    assert (work["kind"], work["done"], work["total"]) == ("batch", 0, 1)
    assert ada.client.get(work["url"]).status_code == 200
    assert _work(member(ada, "admin")) == []
    assert _work(Person(make_user())) == []


def test_strangers_are_told_nothing(client: Any) -> None:
    assert client.get("/api/v1/work").status_code == 401
