"""A device asks for its account, asks again, gives it back, and loses it with its key or life."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from devicelink.mqtt import accounts
from devicelink.mqtt.broker import BrokerUnreachable
from devices.models import BrokerAccount
from devices.services import broker_accounts, credentials, rotation, unpairing
from kernel.actors import Actor
from tests.devicelink.household import Board, Resident, install
from tests.devicelink.mqtt.broker_clients import (
    ROUTE,
    Login,
    api_of,
    ask,
    is_let_in,
    login_of,
    standing,
)
from tests.server_process import free_port
from tests.services import MosquittoServer

pytestmark = pytest.mark.django_db(transaction=True)
with_broker = pytest.mark.mosquitto


def row_of(board: Board) -> BrokerAccount:
    return BrokerAccount.objects.get(device_id=board.device_id)


@pytest.fixture
def broken_line(settings: Any) -> None:
    """A broker is configured and nobody answers there."""
    settings.MQTT_URL = f"mqtt://homepot-ingest:x@127.0.0.1:{free_port()}"
    settings.MQTT_CONTROL_URL = settings.MQTT_URL


@pytest.fixture
def lost_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a process that was killed between COMMIT and what would have followed."""
    monkeypatch.setattr(accounts.Keeper, "want", lambda *_: None)


@with_broker
@pytest.mark.core
def test_the_answer_lets_the_device_in_and_says_where_to_and_how(
    mqtt_broker: MosquittoServer, board: Board
) -> None:
    answer = ask(board)

    assert answer.status_code == 201
    assert answer.data["url"] == mqtt_broker.url
    assert answer.data["client_id"] == board.uid
    assert answer.data["version"] == "v1"
    assert answer.data["topics"]["up"]["telemetry"] == f"homepot/v1/{board.uid}/telemetry"
    assert answer.data["topics"]["down"]["telemetry/ack"] == f"homepot/v1/{board.uid}/telemetry/ack"
    login = Login(answer.data["username"], answer.data["password"], board.uid)
    assert is_let_in(mqtt_broker, login)


@with_broker
def test_no_password_is_kept_and_the_audit_log_has_none(
    mqtt_broker: MosquittoServer, board: Board
) -> None:
    login = login_of(board)

    kept = [str(vars(row_of(board))), mqtt_broker.accounts_path.read_text(encoding="utf-8")]
    kept += [str(vars(entry)) for entry in AuditEntry.objects.unscoped("all of the test")]

    assert (
        AuditEntry.objects.unscoped("all of the test")
        .filter(action="devices.broker_account.issued")
        .exists()
    )
    assert not [text for text in kept if str(login.password) in text]


@with_broker
def test_asking_again_throws_out_who_came_with_the_password_before(
    mqtt_broker: MosquittoServer, board: Board
) -> None:
    first = login_of(board)

    second, is_out = standing(mqtt_broker, first, lambda: login_of(board))

    assert is_out
    assert not is_let_in(mqtt_broker, first)
    assert is_let_in(mqtt_broker, second)


@with_broker
def test_a_device_that_gives_its_account_back_is_out_and_may_ask_again(
    mqtt_broker: MosquittoServer, board: Board
) -> None:
    login = login_of(board)

    answer, is_out = standing(mqtt_broker, login, lambda: api_of(board).delete(ROUTE))

    assert answer.status_code == 204
    assert is_out
    assert not is_let_in(mqtt_broker, login)
    assert api_of(board).delete(ROUTE).status_code == 204
    assert is_let_in(mqtt_broker, login_of(board))


@with_broker
def test_the_account_ends_with_the_key_it_was_asked_for_with(
    mqtt_broker: MosquittoServer, resident: Resident, board: Board
) -> None:
    login = login_of(board)

    def revoke() -> None:
        credentials.revoke_credential(
            device_uid=board.uid, actor=resident.actor, now=timezone.now()
        )

    _, is_out = standing(mqtt_broker, login, revoke)

    assert is_out
    assert not is_let_in(mqtt_broker, login)
    assert ask(board).status_code == 401


@with_broker
@pytest.mark.core
def test_after_a_rotation_the_account_holds_until_the_old_key_ends(
    mqtt_broker: MosquittoServer, resident: Resident, board: Board
) -> None:
    login = login_of(board)
    rotated = rotation.rotate_token(
        device_uid=board.uid, grace_seconds=3600, actor=resident.actor, now=timezone.now()
    )
    renewed = Board(board.device_id, board.uid, rotated.api_key, "")
    credentials.authenticate_device(device_uid=board.uid, token=rotated.api_key, now=timezone.now())
    assert is_let_in(mqtt_broker, login)

    rotation.sweep(timezone.now() + timedelta(hours=2))

    assert accounts.keeper.wait(10.0)
    assert not is_let_in(mqtt_broker, login)
    assert is_let_in(mqtt_broker, login_of(renewed))


@with_broker
def test_a_removal_that_nobody_was_told_of_is_found_by_the_job(
    mqtt_broker: MosquittoServer, resident: Resident, board: Board, lost_hints: None
) -> None:
    login = login_of(board)
    unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=timezone.now())
    # Nothing has told the broker; the row is all there is.
    assert is_let_in(mqtt_broker, login)

    removed, is_out = standing(mqtt_broker, login, lambda: accounts.remove_due(timezone.now()))

    assert (removed, is_out) == (1, True)
    assert row_of(board).removed_at is not None
    assert accounts.remove_due(timezone.now()) == 0


@with_broker
def test_an_unpairing_while_the_broker_is_down_is_made_good_when_it_is_back(
    mqtt_broker: MosquittoServer, resident: Resident, board: Board, lost_hints: None
) -> None:
    login = login_of(board)
    mqtt_broker.kill9()
    unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=timezone.now())
    with pytest.raises(BrokerUnreachable):
        accounts.remove_due(timezone.now())
    assert row_of(board).removed_at is None

    mqtt_broker.start()
    accounts.remove_due(timezone.now())

    assert not is_let_in(mqtt_broker, login)


@with_broker
def test_an_account_confirmed_by_the_broker_outlives_a_killed_broker(
    mqtt_broker: MosquittoServer, board: Board
) -> None:
    login = login_of(board)

    mqtt_broker.kill9()
    mqtt_broker.start()

    assert is_let_in(mqtt_broker, login)


@with_broker
@pytest.mark.core
def test_a_password_made_but_never_confirmed_opens_nothing_in_the_end(
    mqtt_broker: MosquittoServer, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(**_: object) -> bool:
        raise SystemExit

    before = login_of(board)
    monkeypatch.setattr(broker_accounts, "confirm_applied", die)
    with pytest.raises(SystemExit):
        ask(board)
    assert not is_let_in(mqtt_broker, before)
    later = timezone.now() + broker_accounts.LEASE + timedelta(seconds=1)

    assert accounts.remove_due(later) == 1

    clients = accounts.compare()
    assert row_of(board).username not in [*clients.present, *clients.missing, *clients.strangers]


@with_broker
def test_an_unpairing_that_overtakes_the_making_of_an_account_wins(
    mqtt_broker: MosquittoServer, resident: Resident, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = accounts._apply

    def overtaken(*given: Any) -> None:
        unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=timezone.now())
        # The removal comes before the account: there is nothing to remove yet.
        assert accounts.keeper.wait(10.0)
        put(*given)

    monkeypatch.setattr(accounts, "_apply", overtaken)
    assert ask(board).status_code == 409
    assert accounts.keeper.wait(10.0)
    later = timezone.now() + broker_accounts.LEASE + timedelta(seconds=1)

    accounts.remove_due(later)

    assert row_of(board).removed_at is not None
    assert row_of(board).username not in accounts.compare().strangers


def test_while_the_broker_is_away_the_device_is_told_when_to_come_back(
    broken_line: None, board: Board
) -> None:
    answer = ask(board)

    assert answer.status_code == 503
    assert answer.data["code"] == "unavailable"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert row_of(board).revoked_at is not None
    assert accounts.keeper.wait(10.0)


def test_without_a_broker_the_device_is_told_so(board: Board) -> None:
    answer = ask(board)

    assert (answer.status_code, answer.data["code"]) == (409, "mqtt_not_configured")
    assert not BrokerAccount.objects.exists()


def test_a_second_call_while_the_first_is_at_the_broker_is_put_off(
    broken_line: None, board: Board
) -> None:
    facts = credentials.authenticate_device(
        device_uid=board.uid, token=board.token, now=timezone.now()
    )
    actor = Actor.device(device_id=board.device_id, uid=board.uid, tenant_id=facts.tenant_id)
    broker_accounts.issue_account(device=facts, actor=actor, now=timezone.now())

    answer = ask(board)

    assert (answer.status_code, answer.data["code"]) == (409, "mqtt_account_busy")


def test_a_device_that_asks_without_end_is_slowed_down(board: Board, broken_line: None) -> None:
    facts = credentials.authenticate_device(
        device_uid=board.uid, token=board.token, now=timezone.now()
    )
    now = timezone.now().replace(second=0)
    actor = Actor.device(device_id=board.device_id, uid=board.uid, tenant_id=facts.tenant_id)
    for second in range(broker_accounts.ISSUED_PER_MINUTE):
        at = now + timedelta(seconds=second)
        issued = broker_accounts.issue_account(device=facts, actor=actor, now=at)
        broker_accounts.give_up(issued=issued, now=at)

    with pytest.raises(Exception, match="Too many"):
        broker_accounts.issue_account(device=facts, actor=actor, now=now)
    assert accounts.keeper.wait(10.0)


def test_strangers_get_no_account(transactional_db: None, broken_line: None, board: Board) -> None:
    wrong = Board(board.device_id, board.uid, "no-such-key", "")

    assert ask(wrong).status_code == 401
    assert not BrokerAccount.objects.exists()


def test_a_broker_that_is_away_holds_up_no_unpairing(
    broken_line: None, resident: Resident, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    ask(board)
    assert accounts.keeper.wait(10.0)
    other = install(resident)

    with caplog.at_level(logging.WARNING, logger="devicelink.mqtt.accounts"):
        unpairing.unpair_device(device_uid=board.uid, actor=resident.actor, now=timezone.now())
        accounts.keeper.want(accounts.remove_due)
        assert accounts.keeper.wait(10.0)

    assert [record.message for record in caplog.records]
    assert row_of(board).revoked_at is not None
    assert not BrokerAccount.objects.filter(device_id=other.device_id).exists()
