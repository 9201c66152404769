"""The TLS listener that the shipped configuration has ready, and who trusts it."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devicelink.mqtt import broker, ingest
from devicelink.mqtt.link import Link
from edge.mqtt.client import ConnectionLost, parse_address
from tests.devicelink.household import Board
from tests.devicelink.mqtt.ingesting import Field, FieldBroker, Ingest, telemetry
from tests.devicelink.readings_over_http import stored
from tests.devicelink.serving import eventually
from tests.server_process import LOOPBACK, free_port

pytestmark = pytest.mark.mosquitto


class TlsServer(FieldBroker):
    """The broker with the TLS lines of its configuration taken into use."""

    def __init__(self) -> None:
        super().__init__()
        self.tls_port = free_port()

    @property
    def certificate(self) -> Path:
        return self.folder / "server.crt"

    @property
    def tls_url(self) -> str:
        return self._over_tls(self.url_of(self.admin))

    @property
    def ingest_url(self) -> str:
        return self._over_tls(self.url_of(self.ingest))

    def _over_tls(self, url: str) -> str:
        return url.replace("mqtt://", "mqtts://").replace(f":{self.port}", f":{self.tls_port}")

    def prepare(self) -> None:
        super().prepare()
        key, certificate = _self_signed()
        self.certificate.write_bytes(certificate)
        (self.folder / "server.key").write_bytes(key)

    def _configuration(self) -> str:
        text = super()._configuration()
        for commented, used in (
            ("#listener 8883", f"listener {self.tls_port} {LOOPBACK}"),
            ("#certfile /etc/mosquitto/certs/server.crt", f"certfile {self.certificate}"),
            ("#keyfile /etc/mosquitto/certs/server.key", f"keyfile {self.folder}/server.key"),
            ("#tls_version", "tls_version"),
        ):
            assert text.count(commented) == 1, commented
            text = text.replace(commented, used)
        return text


def _self_signed() -> tuple[bytes, bytes]:
    """A key, and a certificate of it for this machine, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "homepot test broker")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem, certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def tls_server() -> Iterator[TlsServer]:
    with TlsServer() as server:
        yield server


def test_accounts_are_managed_over_tls(tls_server: TlsServer) -> None:
    control = broker.control_at(tls_server.tls_url, ca_file=str(tls_server.certificate))

    (answer,) = control.tell([{"command": "getDefaultACLAccess"}], within_s=5)

    assert not answer.error


def test_a_certificate_of_an_authority_nobody_named_is_not_trusted(tls_server: TlsServer) -> None:
    with pytest.raises(broker.BrokerUnreachable, match="certificate"):
        broker.lets_in(tls_server.tls_url, within_s=5)


def test_a_certificate_for_another_name_is_not_trusted(tls_server: TlsServer) -> None:
    elsewhere = tls_server.tls_url.replace(LOOPBACK, "localhost")

    with pytest.raises(broker.BrokerUnreachable, match="certificate"):
        broker.lets_in(elsewhere, ca_file=str(tls_server.certificate), within_s=5)


@pytest.mark.django_db(transaction=True)
def test_messages_are_read_over_tls(tls_server: TlsServer, settings: Any, board: Board) -> None:
    settings.MQTT_URL = tls_server.ingest_url
    settings.MQTT_CA_FILE = str(tls_server.certificate)
    with Ingest(), Field(tls_server) as field:
        field.publish(board.uid, "telemetry", telemetry(1))
        eventually(lambda: field.acked(board.uid) == 1)
    assert stored() == [("b1", 1)]


def test_nothing_is_read_from_a_broker_that_nobody_vouches_for(
    tls_server: TlsServer, settings: Any
) -> None:
    settings.MQTT_URL = tls_server.ingest_url
    settings.MQTT_CA_FILE = ""

    async def connect() -> None:
        await Link.open(
            address=parse_address(settings.MQTT_URL),
            client_id="homepot-ingest-test",
            tls=ingest._tls(),
            on_messages=lambda _: None,
            on_room=lambda: None,
        )

    with pytest.raises(ConnectionLost, match="certificate"):
        asyncio.run(connect())
