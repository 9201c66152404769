"""The setup of a device: every step can be left and found again, every failure says what to do."""

from __future__ import annotations

import pytest

from household import arrangement
from tests.factories.users import make_user
from tests.household.newcomers import provision
from tests.ops.console import Person, member, row

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(db: None) -> Person:
    return Person(make_user())


def test_a_device_goes_through_all_steps_and_is_resumed_where_it_was_left(owner: Person) -> None:
    device = provision(relay_count=1)
    setup = f"/app/add/{device.device_uid}"
    assert "It has power" in owner.page("/app/add")
    assert device.claim_code in owner.page(f"/app/add?step=code&code={device.claim_code}")
    assert owner.sent_on("/app/add", claim_code=device.claim_code.lower()) == f"{setup}/name"
    assert f"{setup}/name" in owner.page("/app")
    assert owner.sent_on(f"{setup}/name", name="Attic lamp") == f"{setup}/room"
    # The next browser, or the same after a reload, goes on at this step.
    assert f"{setup}/room" in owner.page("/app")
    assert owner.sent_on(f"{setup}/room", room="Hall", other="Attic") == f"{setup}/test"
    assert 'role="switch"' in owner.page(f"{setup}/test")
    assert owner.sent_on(f"{setup}/done") == f"{setup}/done"
    assert "You find it under Attic" in owner.page(f"{setup}/done")
    assert "nearly ready" not in owner.page("/app")
    assert (row(device.device_uid).name, row(device.device_uid).tags) == (
        "Attic lamp",
        ["room=Attic"],
    )


def test_a_setup_that_is_put_off_is_not_asked_about_again(owner: Person) -> None:
    device = provision()
    owner.sent_on("/app/add", claim_code=device.claim_code)
    owner.sent_on(f"/app/add/{device.device_uid}/leave")
    assert "nearly ready" not in owner.page("/app")
    assert row(device.device_uid).is_active


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [("WRNG-0000", 404, "Switch the device off and on"), ("", 400, "Type the code first.")],
)
def test_a_code_that_does_not_work_says_what_to_do(
    owner: Person, code: str, status: int, told: str
) -> None:
    body = owner.post("/app/add", status, claim_code=code)
    assert told in body
    assert f'value="{code}"' in body


def test_too_many_tries_are_told_with_the_time_to_wait(owner: Person) -> None:
    for number in range(5):
        owner.post("/app/add", 404, claim_code=f"WRNG-000{number}")
    assert "Too many tries" in owner.post("/app/add", 429, claim_code="WRNG-0009")


def test_hardware_with_a_former_life_says_so_and_tells_strangers_nothing_of_it(
    owner: Person,
) -> None:
    first = provision("board-9")
    owner.sent_on("/app/add", claim_code=first.claim_code)
    owner.sent_on(f"/app/devices/{first.device_uid}/unpair")
    mine, theirs = provision("board-9"), Person(make_user())
    theirs.sent_on("/app/add", claim_code=mine.claim_code)
    body = theirs.page(f"/app/add/{mine.device_uid}/name")
    assert "life 2" in body
    assert "stays with who had it" in body
    theirs.page(f"/app/devices/{first.device_uid}", 404)


def test_who_may_add_nothing_is_told_whom_to_ask(owner: Person) -> None:
    operator = member(owner, "operator")
    home = operator.client.post("/tenant", {"tenant": tenant_uid(owner), "next": "/app"})
    assert home.status_code == 302
    assert "Somebody else adds devices here" in operator.page("/app/add")
    operator.post("/app/add", 403, claim_code=provision().claim_code)


def test_of_several_homes_it_is_asked_whose_the_device_becomes(owner: Person) -> None:
    admin, device = member(owner, "admin"), provision()
    assert "Choose whose it becomes." in admin.post("/app/add", 400, claim_code=device.claim_code)
    admin.sent_on("/app/add", claim_code=device.claim_code, home=tenant_uid(owner))
    assert device.device_uid in owner.page("/app")


def test_only_one_setup_waits_at_a_time(owner: Person) -> None:
    first, second = provision(), provision()
    for device in (first, second):
        owner.sent_on("/app/add", claim_code=device.claim_code)
    assert arrangement.read(actor=owner.actor).setup_uid == second.device_uid


def tenant_uid(person: Person) -> str:
    answer = person.client.get("/app/family")
    assert answer.status_code == 302
    return str(answer["Location"]).rsplit("/", 1)[1]
