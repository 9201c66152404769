"""Users of the installation on pages, for who runs it."""

from __future__ import annotations

import pytest

from accounts import selectors
from audit import selectors as audit
from tests.accounts.people import browser_of, make_admin, sign_in
from tests.factories.users import make_user
from tests.ops.console import Person, member

pytestmark = [pytest.mark.django_db, pytest.mark.core]
PAGE = "/dashboard/users"


@pytest.fixture
def root(db: None) -> Person:
    return Person(make_admin())


def test_users_are_found_and_each_look_is_audited(root: Person) -> None:
    bob = make_user("bob@example.com")
    body = root.page(PAGE)
    assert bob.uid in body and "Administrator" in body
    assert bob.uid in root.page(f"{PAGE}?search=BOB@")
    assert "Nobody found" in root.page(f"{PAGE}?search=nobody-here")
    assert bob.uid not in root.page(f"{PAGE}?role=admin")
    assert bob.uid not in root.page(f"{PAGE}?state=deactivated")
    for query in ("after=soon", f"after={10**30}", "role=x&state=y"):
        root.page(f"{PAGE}?{query}")
    looks = audit.entries_visible_to(root.actor).filter(action="platform.users.listed")
    assert looks.count() >= 8


def test_users_come_page_by_page(root: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.views.users.PAGE_SIZE", 2)
    made = {make_user().uid for _ in range(4)}
    seen: set[str] = set()
    address = PAGE
    for _ in range(6):
        body = root.page(address)
        seen |= {uid for uid in made if uid in body}
        if "Older" not in body:
            break
        address = PAGE + body.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    assert seen == made


def test_who_is_shut_out_is_out_at_once_and_let_in_again(root: Person) -> None:
    bob = make_user("bob@example.com")
    browser = browser_of(bob)
    told = root.page(f"{PAGE}/{bob.uid}/deactivate")
    assert "Signed out at once" in told and "1 session ends" in " ".join(told.split())
    assert root.sent_on(f"{PAGE}/{bob.uid}/deactivate") == f"{PAGE}/{bob.uid}"
    assert browser.get("/dashboard/account").status_code == 302
    assert "Let in again" in root.page(f"{PAGE}/{bob.uid}")
    root.sent_on(f"{PAGE}/{bob.uid}/reactivate")
    assert selectors.user_by_email("bob@example.com").is_active


def test_a_sole_owner_of_an_organisation_is_pointed_at(root: Person) -> None:
    ada = Person(make_user())
    member(ada, "viewer")
    told = root.page(f"{PAGE}/{ada.actor.id}/deactivate")
    assert "has no other owner" in told


def test_roles_are_given_and_taken_but_the_last_one(root: Person) -> None:
    bob = make_user("bob@example.com")
    assert "Each look and change is audited" in root.page(f"{PAGE}/{bob.uid}/make-administrator")
    root.sent_on(f"{PAGE}/{bob.uid}/make-administrator")
    assert selectors.user_by_email("bob@example.com").is_staff
    root.sent_on(f"{PAGE}/{bob.uid}/make-user")
    assert not selectors.user_by_email("bob@example.com").is_staff
    assert "last administrator" in root.page(f"{PAGE}/{root.actor.id}/make-user")
    root.post(f"{PAGE}/{root.actor.id}/make-user", 409)
    root.post(f"{PAGE}/{root.actor.id}/deactivate", 409)


def test_sessions_of_a_user_are_ended_one_or_all(root: Person) -> None:
    bob = make_user("bob@example.com")
    first, second, third = (sign_in(bob).session for _ in range(3))
    assert first.uid in root.page(f"{PAGE}/{bob.uid}")
    root.sent_on(f"{PAGE}/{bob.uid}/sessions", session=first.uid)
    body = root.page(f"{PAGE}/{bob.uid}")
    assert first.uid not in body and second.uid in body and third.uid in body
    root.post(f"{PAGE}/{bob.uid}/sessions", 404, session=first.uid)
    root.sent_on(f"{PAGE}/{bob.uid}/sessions")
    assert "Nowhere." in root.page(f"{PAGE}/{bob.uid}")
    root.sent_on(f"{PAGE}/{root.actor.id}/sessions")
    assert "This one" in root.page(f"{PAGE}/{root.actor.id}")


def test_it_is_nobody_elses(root: Person) -> None:
    ada = Person(make_user())
    for path in (PAGE, f"{PAGE}/{ada.actor.id}", f"{PAGE}/{root.actor.id}/deactivate"):
        ada.page(path, status=403)
    ada.post(f"{PAGE}/{root.actor.id}/deactivate", 403)
    ada.post(f"{PAGE}/{root.actor.id}/sessions", 403)
    root.page(f"{PAGE}/nobody", status=404)
    root.page(f"{PAGE}/{ada.actor.id}/eat", status=404)
