"""Invitations: for whom, how long, how often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.errors import InvitationInvalid
from accounts.models import Invitation, Membership, Tenant, User
from accounts.services import invitations, members
from accounts.types import AcceptedInvitation
from kernel import errors
from kernel.errors import NotFound, PermissionDenied, RateLimited, ValidationFailed
from tests.accounts import people
from tests.accounts.households import (
    actor_of,
    at,
    invite,
    join,
    make_site,
    organisation,
    role_of,
    told,
)

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def bakery(ada: User) -> Tenant:
    return organisation(ada)


@pytest.fixture
def eve(db: None) -> User:
    return people.make_user("eve@example.com", display_name="Eve")


def accept(token: str, user: User, **more: Any) -> AcceptedInvitation:
    return invitations.accept_invitation(
        token=token, actor=actor_of(user), **{"now": timezone.now(), **more}
    )


def preview(token: str, user: User) -> Any:
    return invitations.preview_invitation(token=token, actor=actor_of(user), now=timezone.now())


def revoke_all(tenant: Tenant, by: User) -> None:
    for one in Invitation.objects.unscoped("tests look at everything").filter(tenant=tenant):
        invitations.revoke_invitation(
            tenant_uid=tenant.uid, invitation_uid=one.uid, actor=actor_of(by), now=timezone.now()
        )


def test_a_link_makes_its_opener_a_member(ada: User, eve: User, bakery: Tenant) -> None:
    north = make_site(bakery, "north")
    token = invite(bakery, ada, "operator", limit=at("north"))
    shown = preview(token, eve)
    assert (shown.tenant_name, shown.role, shown.sites) == ("Bakery", "operator", ("north",))
    assert (shown.invited_by, shown.is_member) == ("Ada", False)
    accepted = accept(token, eve)
    assert (accepted.tenant.uid, accepted.tenant.role) == (bakery.uid, "operator")
    assert not accepted.was_member
    actor = actor_of(eve)
    assert actor.roles[bakery.pk] == "operator"
    assert actor.site_limits == {bakery.pk: frozenset({north.pk})}


def test_the_link_is_shown_once_and_its_token_stored_nowhere(
    ada: User, bakery: Tenant, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://homes.example"
    issued = invitations.create_invitation(
        tenant_uid=bakery.uid, role="viewer", actor=actor_of(ada), now=timezone.now()
    )
    assert issued.url == f"https://homes.example/invite/{issued.token}"
    assert issued.token not in repr(issued)
    (row,) = Invitation.objects.unscoped("tests look at everything").values()
    assert issued.token not in str(row)
    (listed,) = invitations.list_invitations(
        tenant_uid=bakery.uid, actor=actor_of(ada), now=timezone.now()
    )
    assert listed == issued.invitation
    (entry,) = told(bakery, "accounts.invitation.created")
    assert issued.token not in f"{entry.before}{entry.after}"


def test_accepting_is_told_in_the_tenants_log(ada: User, eve: User, bakery: Tenant) -> None:
    accept(invite(bakery, ada, "viewer"), eve)
    (accepted,) = told(bakery, "accounts.invitation.accepted")
    (added,) = told(bakery, "accounts.membership.added")[1:]
    assert accepted.actor_id == added.actor_id == added.target_id == eve.uid
    assert added.after["invitation"] == accepted.target_id


def test_links_that_are_not_good_get_one_answer(ada: User, eve: User, bakery: Tenant) -> None:
    used = invite(bakery, ada, "viewer")
    accept(used, people.make_user("first@example.com"))
    revoked = invite(bakery, ada, "viewer")
    revoke_all_but_used = Invitation.objects.unscoped("tests look at everything")
    revoke_all_but_used.filter(accepted_at__isnull=True).update(revoked_at=timezone.now())
    foreign = invite(bakery, ada, "viewer", email="somebody@example.com")
    expired = invite(bakery, ada, "viewer", valid_days=1)
    tomorrow = timezone.now() + timedelta(days=1)
    answers = set()
    for token, now in (
        (used, timezone.now()),
        (revoked, timezone.now()),
        (foreign, timezone.now()),
        (expired, tomorrow),
        ("hpi_unknown", timezone.now()),
        ("é\x00", timezone.now()),
        ("", timezone.now()),
    ):
        with pytest.raises(InvitationInvalid) as refused:
            accept(token, eve, now=now)
        answers.add((refused.value.code, refused.value.message, str(refused.value.details)))
    assert len(answers) == 1
    assert role_of(eve, bakery) is None


def test_an_address_is_the_users_in_whatever_case(ada: User, eve: User, bakery: Tenant) -> None:
    token = invite(bakery, ada, "viewer", email=" EVE@Example.com ")
    with pytest.raises(InvitationInvalid):
        preview(token, ada)
    assert accept(token, eve).tenant.role == "viewer"


def test_accepting_again_answers_the_same(ada: User, eve: User, bakery: Tenant) -> None:
    token = invite(bakery, ada, "viewer")
    accept(token, eve)
    again = accept(token, eve)
    assert (again.was_member, again.tenant.role) == (True, "viewer")
    assert len(told(bakery, "accounts.invitation.accepted")) == 1


def test_who_was_removed_does_not_come_back_with_the_old_link(
    ada: User, eve: User, bakery: Tenant
) -> None:
    token = invite(bakery, ada, "viewer")
    accept(token, eve)
    members.remove_member(
        tenant_uid=bakery.uid, user_uid=eve.uid, actor=actor_of(ada), now=timezone.now()
    )
    for attempt in (accept, preview):
        with pytest.raises(InvitationInvalid):
            attempt(token, eve)


def test_a_member_stays_what_they_are_and_the_link_good(
    ada: User, eve: User, bakery: Tenant
) -> None:
    token = invite(bakery, ada, "viewer")
    assert preview(token, ada).is_member
    answered = accept(token, ada)
    assert (answered.was_member, answered.tenant.role) == (True, "owner")
    assert not accept(token, eve).was_member


@pytest.mark.django_db(transaction=True)
def test_of_five_who_accept_at_once_one_becomes_a_member(ada: User, bakery: Tenant) -> None:
    token = invite(bakery, ada, "viewer")
    users = [people.make_user(f"fast{number}@example.com") for number in range(5)]
    outcomes = people.at_once(5, lambda number: accept(token, users[number]))
    won = [outcome for outcome in outcomes if isinstance(outcome, AcceptedInvitation)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, InvitationInvalid)]
    assert (len(won), len(lost)) == (1, 4), outcomes
    assert Membership.objects.unscoped("tests").filter(tenant=bakery).count() == 2


@pytest.mark.parametrize(
    ("inviter", "role", "is_allowed"),
    [
        ("admin", "admin", True),
        ("admin", "owner", False),
        ("operator", "viewer", False),
        ("viewer", "viewer", False),
    ],
)
def test_nobody_invites_above_themselves(
    ada: User, bakery: Tenant, inviter: str, role: str, is_allowed: bool
) -> None:
    by = join(bakery, ada, inviter)
    if is_allowed:
        assert invite(bakery, by, role)
    else:
        with pytest.raises(PermissionDenied):
            invite(bakery, by, role)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"role": "king"}, "role"),
        ({"valid_days": 0}, "valid_days"),
        ({"valid_days": 31}, "valid_days"),
        ({"email": "nobody"}, "email"),
        ({"limit": at("nowhere")}, "sites"),
        ({"role": "owner", "limit": at("nowhere")}, "sites"),
    ],
    ids=str,
)
def test_an_unusable_invitation_is_refused(
    ada: User, bakery: Tenant, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        invite(bakery, ada, **{"role": "viewer", **given})
    assert set(refused.value.details) == {field}


def test_who_goes_takes_their_open_links_with_them(ada: User, eve: User, bakery: Tenant) -> None:
    admin = join(bakery, ada, "admin")
    token, kept = invite(bakery, admin, "admin"), invite(bakery, ada, "viewer")
    members.remove_member(
        tenant_uid=bakery.uid, user_uid=admin.uid, actor=actor_of(ada), now=timezone.now()
    )
    with pytest.raises(InvitationInvalid):
        accept(token, eve)
    assert not accept(kept, eve).was_member


def test_who_may_no_longer_invite_takes_their_open_links_back(
    ada: User, eve: User, bakery: Tenant
) -> None:
    owner = join(bakery, ada, "owner")
    for_owner, for_viewer = invite(bakery, owner, "owner"), invite(bakery, owner, "viewer")
    members.change_member(
        tenant_uid=bakery.uid,
        user_uid=owner.uid,
        role="admin",
        actor=actor_of(ada),
        now=timezone.now(),
    )
    with pytest.raises(InvitationInvalid):
        accept(for_owner, eve)
    assert not accept(for_viewer, eve).was_member


def test_revoking_twice_is_fine_and_an_accepted_one_is_gone(
    ada: User, eve: User, bakery: Tenant
) -> None:
    invite(bakery, ada, "viewer")
    revoke_all(bakery, ada), revoke_all(bakery, ada)
    assert len(told(bakery, "accounts.invitation.revoked")) == 1
    accept(invite(organisation(ada, "Other"), ada, "viewer"), eve)
    other = Tenant.objects.get(name="Other")
    with pytest.raises(NotFound):
        revoke_all(other, ada)


def test_open_links_are_for_administrators_and_limited_in_number(
    ada: User, bakery: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = join(bakery, ada, "operator")
    with pytest.raises(PermissionDenied):
        invitations.list_invitations(
            tenant_uid=bakery.uid, actor=actor_of(operator), now=timezone.now()
        )
    monkeypatch.setattr(invitations, "MAX_OPEN", 1)
    invite(bakery, ada, "viewer")
    with pytest.raises(errors.Conflict):
        invite(bakery, ada, "viewer")


def test_tokens_cannot_be_tried_out(ada: User, eve: User, bakery: Tenant) -> None:
    now = timezone.now().replace(second=0)
    for number in range(invitations.TRIES_PER_MINUTE):
        with pytest.raises(InvitationInvalid):
            accept(f"hpi_{number}", eve, now=now)
    with pytest.raises(RateLimited):
        accept(invite(bakery, ada, "viewer"), eve, now=now)
