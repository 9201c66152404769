"""The product with a real broker; imports wait for the fixtures until Django is set up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.devicelink.mqtt.ingesting import Field, FieldBroker, Ingest
    from tests.services import MosquittoServer


@pytest.fixture
def mqtt_broker(settings: Any, mosquitto_server: MosquittoServer) -> Iterator[MosquittoServer]:
    """A running broker that the settings point at; no thread of ours talks to it afterwards."""
    from devicelink.mqtt import accounts  # noqa: PLC0415

    if not mosquitto_server.is_running:
        mosquitto_server.start()
    for name, value in mosquitto_server.environment().items():
        setattr(settings, name, value)
    yield mosquitto_server
    assert accounts.keeper.wait(40.0)


@pytest.fixture(scope="module")
def broker() -> Iterator[FieldBroker]:
    """A broker whose devices the file plays."""
    from tests.devicelink.mqtt.ingesting import FieldBroker  # noqa: PLC0415

    with FieldBroker() as server:
        yield server


@pytest.fixture
def ingest(broker: FieldBroker, settings: Any, transactional_db: None) -> Iterator[Ingest]:
    """One ingest, connected."""
    from tests.devicelink.mqtt.ingesting import Ingest  # noqa: PLC0415

    settings.MQTT_URL = broker.url_of(broker.ingest)
    with Ingest() as running:
        yield running


@pytest.fixture
def field(broker: FieldBroker, ingest: Ingest) -> Iterator[Field]:
    """The devices, connected."""
    from tests.devicelink.mqtt.ingesting import Field  # noqa: PLC0415

    with Field(broker) as devices:
        yield devices
