"""A device that spoke before it was claimed goes on speaking, for its owner."""

from __future__ import annotations

import pytest
from django.utils import timezone

from devicelink import inbound
from devicelink.ingest import flushing
from devicelink.ingest.arrivals import Arrival
from devices.models import DeviceEvent
from devices.services import claiming, sessions
from devices.types import HeldSession
from edge.protocol.messages import InputEvent, Reading, Telemetry
from kernel import row_security
from telemetry import selectors
from telemetry.models import LatestMetrics
from telemetry.models import Reading as StoredReading
from telemetry.types import Acknowledgement
from tests.factories.devices import provision
from tests.factories.users import make_actor, tenant_of

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


def _says(sender: HeldSession, seq: int) -> inbound.Outcome:
    telemetry = Telemetry(boot_id="b", readings=(Reading(seq=seq, at=None, metrics={"cpu": 1.0}),))
    (taken,) = flushing.store([Arrival(sender=sender, telemetry=telemetry, size=1)])
    assert isinstance(taken, Acknowledgement)
    pressed = InputEvent(input_index=0, kind="press", event_id=f"e{seq}")
    return inbound.handle(
        sender=sender, said=[pressed], pull=inbound.Pull.NOTHING, now=timezone.now()
    )


def test_what_was_said_before_the_claim_is_the_owners_and_stands_in_nobodys_way() -> None:
    made, owner = provision(), make_actor()
    with row_security.request_scope():
        with row_security.device_scope(None):
            facts = sessions.open_session(
                device_id=made.device_id, address=None, now=timezone.now()
            )
        unclaimed = HeldSession(made.device_id, facts.epoch, None, made.device_uid)
        assert _says(unclaimed, 1).ending is None
        claiming.claim_device(code=made.claim_code, actor=owner, now=timezone.now())
        # The session that began before the claim goes on, then the next one begins.
        assert not _says(unclaimed, 2).has_bug
        with row_security.device_scope(tenant_of(owner)):
            facts = sessions.open_session(
                device_id=made.device_id, address=None, now=timezone.now()
            )
        owned = HeldSession(made.device_id, facts.epoch, facts.tenant_id, made.device_uid)
        for seq in (1, 2, 3):
            assert not _says(owned, seq).has_bug
        with row_security.actor_scope(owner):
            assert selectors.latest_of(actor=owner, device_uid=made.device_uid) is not None
    for model, count in ((StoredReading, 3), (LatestMetrics, 1), (DeviceEvent, 3)):
        rows = model.objects.unscoped("tests look at everything")
        assert set(rows.values_list("tenant_id", flat=True)) == {tenant_of(owner)}
        assert rows.count() == count
