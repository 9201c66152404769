"""`manage.py simulate`: claiming what registers, for a user."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from accounts import selectors as account_selectors
from accounts.services import bootstrap
from devicelink.management.commands.simulate import Claimer
from devices import selectors as device_selectors
from devices.services import provisioning
from devices.types import DeviceRegistration
from edge.simulator.fleet import Announcement
from edge.simulator.state_directory import Identity

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "provision-key-of-this-test"


@pytest.fixture
def user_id(settings) -> int:
    settings.DEVICE_PROVISION_KEY = KEY
    bootstrap.ensure_first_admin(
        email="owner@homepot.test", password="correct-Horse-battery-9", now=timezone.now()
    )
    owner = account_selectors.first_administrator()
    assert owner is not None
    return owner.pk


def _announced(index: int, *, claim_code: str | None = None) -> Announcement:
    registration = DeviceRegistration(
        hardware_id=f"sim-1-{index}", device_class="relay_controller", is_simulated=True
    )
    made = provisioning.register_device(
        registration=registration, provision_key=KEY, address=None, now=timezone.now()
    )
    identity = Identity(made.device_uid, made.device_token, claim_code or made.claim_code)
    return Announcement(index, f"Board {index + 1}", registration.hardware_id, identity, True)


def _names_of(user_id: int) -> set[str]:
    actor = account_selectors.actor_for_user(user_id=user_id)
    return set(device_selectors.devices_visible_to(actor).values_list("name", flat=True))


def _claim_all(user_id: int, announced: list[Announcement]) -> list[str]:
    said: list[str] = []
    claimer = Claimer(user_id, said.append)
    for one in announced:
        claimer.add(one)
    claimer.finish()
    return said


def test_registered_devices_are_claimed_once_with_their_names(user_id: int) -> None:
    announced = [_announced(0), _announced(1)]
    assert _claim_all(user_id, announced) == []
    assert _names_of(user_id) == {"Board 1", "Board 2"}
    assert _claim_all(user_id, announced) == [], "what is owned already is left alone"


def test_codes_of_others_never_lock_the_address(user_id: int) -> None:
    void = [_announced(index, claim_code=f"0000000{index}") for index in range(6)]
    said = _claim_all(user_id, void)
    assert len(said) == 3, "two tries below the limit"
    assert _claim_all(user_id, [_announced(7)]) == []
    assert _names_of(user_id) == {"Board 8"}


def test_an_unknown_user_is_named(user_id: int) -> None:
    with pytest.raises(CommandError, match=r"nobody@homepot\.test"):
        call_command("simulate", claim="nobody@homepot.test")


def test_a_wrong_option_is_a_sentence() -> None:
    with pytest.raises(CommandError, match="probability"):
        call_command("simulate", chaos=7.0)
