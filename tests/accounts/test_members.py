"""Members of a tenant: who may give which role, and who stays."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.errors import LastOwner, PersonalTenant
from accounts.models import Membership, Tenant, User
from accounts.services import members, tenants
from accounts.types import MemberView, SiteLimit
from kernel.errors import NotFound, PermissionDenied, ValidationFailed
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


def change(
    by: User,
    tenant: Tenant,
    user: User,
    *,
    role: str | None = None,
    limit: SiteLimit | None = None,
) -> MemberView:
    return members.change_member(
        tenant_uid=tenant.uid,
        user_uid=user.uid,
        role=role,
        limit=limit,
        actor=actor_of(by),
        now=timezone.now(),
    )


def remove(by: User, tenant: Tenant, user: User) -> None:
    members.remove_member(
        tenant_uid=tenant.uid, user_uid=user.uid, actor=actor_of(by), now=timezone.now()
    )


def leave(user: User, tenant: Tenant) -> None:
    members.leave_tenant(tenant_uid=tenant.uid, actor=actor_of(user), now=timezone.now())


def hand_over(by: User, tenant: Tenant, user: User) -> None:
    members.hand_over_tenant(
        tenant_uid=tenant.uid, user_uid=user.uid, actor=actor_of(by), now=timezone.now()
    )


# Tenants


def test_who_makes_an_organisation_owns_it_from_the_next_request_on(ada: User) -> None:
    made = tenants.create_tenant(name=" Bakery ", actor=actor_of(ada), now=timezone.now())
    assert (made.name, made.kind, made.role, made.member_count) == (
        "Bakery",
        "organisation",
        "owner",
        1,
    )
    tenant = Tenant.objects.get(uid=made.uid)
    assert actor_of(ada).roles[tenant.pk] == "owner"
    assert [entry.after for entry in told(tenant, "accounts.tenant.created")] == [
        {"name": "Bakery"}
    ]


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "x" * 121])
def test_an_unusable_name_is_refused(ada: User, name: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        tenants.create_tenant(name=name, actor=actor_of(ada), now=timezone.now())
    assert set(refused.value.details) == {"name"}


def test_renaming_takes_an_administrator_and_is_told_once(ada: User, bakery: Tenant) -> None:
    operator = join(bakery, ada, "operator")
    for by, refusal in (
        (operator, PermissionDenied),
        (people.make_user("x@example.com"), NotFound),
    ):
        with pytest.raises(refusal):
            tenants.rename_tenant(
                tenant_uid=bakery.uid, name="Mine", actor=actor_of(by), now=timezone.now()
            )
    for _ in range(2):
        tenants.rename_tenant(
            tenant_uid=bakery.uid, name="Patisserie", actor=actor_of(ada), now=timezone.now()
        )
    (entry,) = told(bakery, "accounts.tenant.renamed")
    assert (entry.before, entry.after) == ({"name": "Bakery"}, {"name": "Patisserie"})


# Roles


@pytest.mark.parametrize(
    ("giver", "before", "after", "is_allowed"),
    [
        ("admin", "viewer", "operator", True),
        ("admin", "operator", "admin", True),
        ("admin", "admin", "viewer", True),
        ("admin", "viewer", "owner", False),
        ("admin", "owner", "viewer", False),
        ("owner", "viewer", "owner", True),
        ("owner", "owner", "viewer", True),
        ("operator", "viewer", "operator", False),
        ("viewer", "viewer", "operator", False),
    ],
)
def test_nobody_gives_or_takes_more_than_they_have(
    ada: User, bakery: Tenant, giver: str, before: str, after: str, is_allowed: bool
) -> None:
    by, member = join(bakery, ada, giver), join(bakery, ada, before)
    if is_allowed:
        assert change(by, bakery, member, role=after).role == after
    else:
        with pytest.raises(PermissionDenied):
            change(by, bakery, member, role=after)
    assert role_of(member, bakery) == (after if is_allowed else before)


def test_the_same_role_again_changes_nothing(ada: User, bakery: Tenant) -> None:
    member = join(bakery, ada, "viewer")
    for _ in range(2):
        change(ada, bakery, member, role="operator")
    (entry,) = told(bakery, "accounts.membership.changed")
    assert entry.before == {"role": "viewer", "sites": None}
    assert entry.after == {"role": "operator", "sites": None}


def test_a_role_holds_from_the_next_request_on(ada: User, bakery: Tenant) -> None:
    member = join(bakery, ada, "viewer")
    change(ada, bakery, member, role="admin")
    assert actor_of(member).roles[bakery.pk] == "admin"
    remove(ada, bakery, member)
    assert bakery.pk not in actor_of(member).roles


def test_addresses_and_sites_are_for_administrators(ada: User, bakery: Tenant) -> None:
    make_site(bakery, "north")
    viewer = join(bakery, ada, "viewer", limit=at("north"))
    listed = members.list_members(tenant_uid=bakery.uid, actor=actor_of(ada))
    assert [(one.email, one.sites) for one in listed] == [
        (ada.email, None),
        (viewer.email, ("north",)),
    ]
    other = join(bakery, ada, "operator")
    seen = members.list_members(tenant_uid=bakery.uid, actor=actor_of(other))
    assert [(one.email, one.sites) for one in seen] == [
        (None, None),
        (None, None),
        (other.email, None),
    ]


# Sites


def test_a_limit_is_given_lifted_and_told_by_the_ids_of_sites(ada: User, bakery: Tenant) -> None:
    north = make_site(bakery, "north")
    member = join(bakery, ada, "operator")
    assert change(ada, bakery, member, limit=at("north")).sites == ("north",)
    assert actor_of(member).site_limits == {bakery.pk: frozenset({north.pk})}
    assert told(bakery, "accounts.membership.changed")[0].after == {
        "role": "operator",
        "sites": ["north"],
    }
    assert change(ada, bakery, member, limit=SiteLimit()).sites is None
    assert actor_of(member).site_limits == {}


def test_a_limit_names_sites_of_the_tenant_and_no_owner_has_one(ada: User, bakery: Tenant) -> None:
    member = join(bakery, ada, "operator")
    make_site(organisation(ada, "Other"), "elsewhere")
    make_site(bakery, "north")
    for given in (at("elsewhere"), at("nowhere"), at()):
        with pytest.raises(ValidationFailed) as refused:
            change(ada, bakery, member, limit=given)
        assert set(refused.value.details) == {"sites"}
    with pytest.raises(ValidationFailed):
        change(ada, bakery, member, role="owner", limit=at("north"))
    change(ada, bakery, member, limit=at("north"))
    assert change(ada, bakery, member, role="owner").sites is None


def test_who_is_limited_acts_within_their_sites_only(ada: User, bakery: Tenant) -> None:
    make_site(bakery, "north"), make_site(bakery, "south")
    admin = join(bakery, ada, "admin", limit=at("north"))
    everywhere = join(bakery, ada, "viewer")
    southern = join(bakery, ada, "viewer", limit=at("south"))
    northern = join(bakery, ada, "viewer", limit=at("north"))
    assert change(admin, bakery, northern, role="operator").role == "operator"
    refused = [
        lambda: change(admin, bakery, everywhere, role="operator"),
        lambda: change(admin, bakery, southern, role="operator"),
        lambda: change(admin, bakery, northern, limit=SiteLimit()),
        lambda: change(admin, bakery, northern, limit=at("north", "south")),
        lambda: change(admin, bakery, admin, limit=SiteLimit()),
        lambda: remove(admin, bakery, everywhere),
        lambda: invite(bakery, admin, "viewer"),
        lambda: invite(bakery, admin, "viewer", limit=at("south")),
    ]
    for attempt in refused:
        with pytest.raises(PermissionDenied):
            attempt()
    remove(admin, bakery, northern)
    assert role_of(northern, bakery) is None


# Leaving


def test_a_member_leaves_and_cannot_leave_twice(ada: User, bakery: Tenant) -> None:
    member = join(bakery, ada, "viewer")
    leave(member, bakery)
    (entry,) = told(bakery, "accounts.membership.removed")
    assert (entry.target_id, entry.after) == (member.uid, {"reason": "left"})
    with pytest.raises(NotFound):
        leave(member, bakery)


def test_the_last_owner_stays(ada: User, bakery: Tenant) -> None:
    join(bakery, ada, "admin")
    for attempt in (
        lambda: leave(ada, bakery),
        lambda: remove(ada, bakery, ada),
        lambda: change(ada, bakery, ada, role="admin"),
    ):
        with pytest.raises(LastOwner):
            attempt()
    assert role_of(ada, bakery) == "owner"


def test_an_owner_who_cannot_sign_in_is_none(ada: User, bakery: Tenant) -> None:
    other = join(bakery, ada, "owner")
    User.objects.filter(pk=other.pk).update(is_active=False)
    with pytest.raises(LastOwner):
        leave(ada, bakery)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["leave", "demote", "remove_each_other"])
def test_of_two_last_owners_who_go_at_once_one_stays(ada: User, bakery: Tenant, step: str) -> None:
    other = join(bakery, ada, "owner")
    owners = [ada, other]

    def go(number: int) -> None:
        me, them = owners[number], owners[1 - number]
        if step == "leave":
            leave(me, bakery)
        elif step == "demote":
            change(me, bakery, me, role="viewer")
        else:
            remove(me, bakery, them)

    outcomes = people.at_once(2, go)
    assert sum(outcome is None or isinstance(outcome, MemberView) for outcome in outcomes) == 1
    assert any(isinstance(outcome, (LastOwner, NotFound)) for outcome in outcomes), outcomes
    left = Membership.objects.unscoped("tests look at everything")
    assert left.filter(tenant=bakery, role="owner").count() == 1


def test_handing_over_swaps_owner_and_administrator(ada: User, bakery: Tenant) -> None:
    make_site(bakery, "north")
    heir = join(bakery, ada, "viewer", limit=at("north"))
    hand_over(ada, bakery, heir)
    assert (role_of(ada, bakery), role_of(heir, bakery)) == ("admin", "owner")
    assert actor_of(heir).site_limits == {}
    (entry,) = told(bakery, "accounts.tenant.handed_over")
    assert (entry.before, entry.after) == ({"owner": ada.uid}, {"owner": heir.uid})
    with pytest.raises(PermissionDenied):
        hand_over(ada, bakery, heir)


def test_it_is_handed_to_another_member_only(ada: User, bakery: Tenant) -> None:
    with pytest.raises(NotFound):
        hand_over(ada, bakery, people.make_user("x@example.com"))
    with pytest.raises(ValidationFailed):
        hand_over(ada, bakery, ada)


def test_a_home_is_shared_and_stays_with_its_person(ada: User) -> None:
    home = Tenant.objects.get(personal_of=ada)
    partner = join(home, ada, "owner")
    for attempt in (
        lambda: leave(ada, home),
        lambda: remove(partner, home, ada),
        lambda: change(partner, home, ada, role="admin"),
        lambda: hand_over(ada, home, partner),
    ):
        with pytest.raises(PersonalTenant):
            attempt()
    leave(partner, home)
    assert (role_of(ada, home), role_of(partner, home)) == ("owner", None)


def test_a_foreign_tenant_is_like_none(ada: User, bakery: Tenant) -> None:
    stranger = people.make_user("x@example.com")
    for uid in (bakery.uid, "doesNotExist", "", "\x00"):
        for attempt in (
            lambda uid=uid: members.list_members(tenant_uid=uid, actor=actor_of(stranger)),
            lambda uid=uid: tenants.show_tenant(tenant_uid=uid, actor=actor_of(stranger)),
        ):
            with pytest.raises(NotFound):
                attempt()
