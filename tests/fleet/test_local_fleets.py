"""The simulated fleet that an installation runs itself: started, claimed, resumed, removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from devices.models import Device
from fleet.errors import NoSimulator
from fleet.services import simulated
from homepot.embedded import children
from homepot.embedded.fleets import Fleets
from kernel import local_devices
from kernel.actors import Actor
from kernel.errors import Conflict, PermissionDenied
from tests.factories.devices import provision
from tests.factories.sites import join, make_site
from tests.factories.users import actor_of, make_actor, tenant_of

pytestmark = pytest.mark.django_db


class Process:
    """A simulator in name only; the test plays its devices."""

    def __init__(self) -> None:
        self.ended: int | None = None

    def poll(self) -> int | None:
        return self.ended

    def terminate(self) -> None:
        self.ended = 0

    def wait(self, timeout: float | None = None) -> int | None:
        return self.ended


class Stage:
    """An installation that offers fleets, without its thread: `look` is one round of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.launched: list[tuple[str, ...]] = []
        self.processes: list[Process] = []
        monkeypatch.setattr(children, "launch", self._launch)
        self.fleets = self.offered()

    def offered(self) -> Fleets:
        """As after a restart."""
        fleets = Fleets(base_url="http://127.0.0.1:9", folder=self.folder)
        local_devices.offer(fleets)
        return fleets

    def look(self) -> bool:
        return self.fleets._look()

    def register(self, owner: Actor, number: int) -> str:
        """A simulated device registers and leaves its claim code, as the simulator does."""
        found = local_devices.offered()
        running = found.running(tenant_id=tenant_of(owner)) if found else None
        assert running is not None
        hardware_id = f"{running.hardware_prefix}{number}"
        made = provision(hardware_id)
        rows = Device.objects.unscoped("tests look at everything")
        rows.filter(uid=made.device_uid).update(is_simulated=True)
        home = self.folder / str(tenant_of(owner))
        home.mkdir(parents=True, exist_ok=True)
        content = {"device_uid": made.device_uid, "claim_code": made.claim_code}
        (home / f"{hardware_id}.json").write_text(json.dumps(content), encoding="utf-8")
        return made.device_uid

    def _launch(self, command: tuple[str, ...], state_dir: Path) -> Any:
        self.launched.append(tuple(command))
        self.processes.append(Process())
        return self.processes[-1]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    yield Stage(tmp_path / "fleets", monkeypatch)
    local_devices.offer(None)


def living(owner: Actor) -> dict[str, str]:
    rows = Device.objects.unscoped("tests look at everything").filter(tenant_id=tenant_of(owner))
    return dict(rows.values_list("uid", "name"))


def test_a_click_starts_one_fleet_and_claims_its_devices_under_names(
    owner: Actor, stage: Stage
) -> None:
    for _ in range(2):
        simulated.start_fleet(actor=owner, now=timezone.now())
    assert stage.look()
    first, second = stage.register(owner, 0), stage.register(owner, 1)
    assert stage.look()

    assert len(stage.launched) == 1
    assert living(owner).keys() == {first, second}
    assert all(name.endswith(" 1") for name in living(owner).values())
    entries = AuditEntry.objects.unscoped("tests look at everything")
    assert entries.filter(action="fleet.simulated.started").count() == 1


def test_it_goes_on_after_a_restart_and_claims_nothing_twice(owner: Actor, stage: Stage) -> None:
    simulated.start_fleet(actor=owner, now=timezone.now())
    first = stage.register(owner, 0)
    stage.look()
    stage.fleets = stage.offered()
    second = stage.register(owner, 1)
    stage.look()

    assert len(stage.launched) == 2
    assert stage.launched[0] == stage.launched[1]
    assert living(owner).keys() == {first, second}


def test_removing_stops_it_first_and_unpairs_its_devices_only(owner: Actor, stage: Stage) -> None:
    simulated.start_fleet(actor=owner, now=timezone.now())
    stage.register(owner, 0)
    stage.look()
    local = local_devices.offered()
    assert local is not None
    from tests.factories.devices import make_device  # noqa: PLC0415

    kept = make_device(owner)

    assert simulated.remove_fleet(actor=owner, now=timezone.now()) == 1
    assert simulated.remove_fleet(actor=owner, now=timezone.now()) == 0

    assert stage.processes[0].ended == 0
    assert living(owner).keys() == {kept.uid}
    assert local.running(tenant_id=tenant_of(owner)) is None
    assert not (stage.folder / str(tenant_of(owner))).exists()
    assert not stage.look()


def test_a_removal_that_was_interrupted_is_taken_up(
    owner: Actor, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated.start_fleet(actor=owner, now=timezone.now())
    stage.register(owner, 0)
    stage.look()

    def killed(**_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr("devices.services.unpairing.end_lives", killed)
        with pytest.raises(KeyboardInterrupt):
            simulated.remove_fleet(actor=owner, now=timezone.now())
    stage.fleets = stage.offered()
    assert not stage.look()
    assert len(stage.launched) == 1 and living(owner)

    assert simulated.remove_fleet(actor=owner, now=timezone.now()) == 1
    assert not living(owner)


def test_a_file_that_was_half_written_is_as_if_nobody_had_asked(owner: Actor, stage: Stage) -> None:
    simulated.start_fleet(actor=owner, now=timezone.now())
    (stage.folder / f"{tenant_of(owner)}.json").write_text('{"tenant_id": 1, "us', encoding="utf-8")
    assert stage.fleets.running(tenant_id=tenant_of(owner)) is None
    assert not stage.look()
    simulated.start_fleet(actor=owner, now=timezone.now())
    assert stage.look()


def test_a_process_that_ends_is_started_again_later_unless_nobody_wants_it(
    owner: Actor, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("homepot.embedded.fleets.time.monotonic", lambda: clock.now)
    simulated.start_fleet(actor=owner, now=timezone.now())
    stage.look()
    stage.processes[0].ended = 1
    stage.look()
    assert len(stage.launched) == 1
    clock.now += 31
    stage.look()
    assert len(stage.launched) == 2
    stage.processes[1].ended = 3
    clock.now += 3600
    stage.look()
    assert len(stage.launched) == 2


def test_who_may_and_who_may_not(owner: Actor, stage: Stage) -> None:
    shop = make_site(owner, "shop")
    clerk = actor_of(join(owner, "admin", site_ids=[shop.pk]))
    operator = actor_of(join(owner, "operator"))
    from dataclasses import replace  # noqa: PLC0415

    home = tenant_of(owner)
    for actor in (clerk, operator):
        inside = replace(actor, roles={home: actor.roles[home]})
        for ask in (simulated.start_fleet, simulated.remove_fleet):
            with pytest.raises(PermissionDenied):
                ask(actor=inside, now=timezone.now())
    for _ in range(8):
        simulated.start_fleet(actor=make_actor(), now=timezone.now())
    with pytest.raises(Conflict):
        simulated.start_fleet(actor=owner, now=timezone.now())


def test_where_nothing_is_offered_it_says_what_to_do(owner: Actor) -> None:
    local_devices.offer(None)

    with pytest.raises(NoSimulator, match=r"edge\.simulator"):
        simulated.start_fleet(actor=owner, now=timezone.now())
