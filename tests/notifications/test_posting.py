"""One POST to a stranger: where it goes, what it reads, and when it gives up."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from notifications.services import posting
from notifications.webhook_addresses import Address, AddressRefused, rules_from
from tests.notifications.receiver import Receiver, drip, flood, hang_up, receiving

HOME = rules_from(networks=["127.0.0.0/8"], ports=[443], allows_http=True)
PUBLIC = rules_from(networks=[], ports=range(1, 65_536), allows_http=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def post(receiver: Receiver) -> posting.Answer:
    headers = {"Content-Type": "application/json", "webhook-id": "msg_1"}
    return posting.post(url=receiver.url, headers=headers, body=b'{"a":1}', rules=HOME)


def test_the_body_and_its_headers_arrive(receiver: Receiver) -> None:
    assert post(receiver).status == 204
    ((headers, body),) = receiver.requests
    assert headers[""] == "POST /hook?key=1 HTTP/1.1"
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    assert (headers["webhook-id"], body) == ("msg_1", b'{"a":1}')


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n"]
    assert post(receiver).status == 302
    assert len(receiver.requests) == 1


def test_interim_answers_are_passed_over(receiver: Receiver) -> None:
    receiver.answers = [b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"]
    assert post(receiver).status == 200


def test_retry_after_is_read(receiver: Receiver) -> None:
    receiver.answers = [b"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\n\r\n"]
    assert post(receiver) == posting.Answer(503, "120")


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 2000 X\r\n\r\n", b"\r\n\r\n", hang_up, flood],
)  # fmt: skip
def test_what_is_no_answer_is_none(receiver: Receiver, answer: object) -> None:
    receiver.answers = [answer]  # type: ignore[list-item]
    with pytest.raises(posting.NoAnswer):
        post(receiver)


def test_a_server_that_drips_its_answer_does_not_hold_us(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TOTAL_S", 0.5)
    receiver.answers = [drip]
    with pytest.raises(posting.NoAnswer, match="in time"):
        post(receiver)


def test_nobody_there(receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(posting.NoAnswer, match="reached"):
        posting.post(url=f"http://127.0.0.1:{port}/", headers={}, body=b"", rules=HOME)


def test_a_name_is_resolved_once_and_the_connection_goes_to_what_was_checked(
    receiver: Receiver,
) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[Address]:
        asked.append(host)
        # Another resolution would find the cloud's metadata.
        return [ipaddress.ip_address("127.0.0.1" if len(asked) == 1 else "169.254.169.254")]

    rules = rules_from(networks=["127.0.0.1/32"], ports=range(1, 65_536), allows_http=True)
    url = f"http://rebinding.example:{receiver.port}/"
    answer = posting.post(url=url, headers={}, body=b"", rules=rules, resolve=rebinding)
    assert (answer.status, asked) == (204, ["rebinding.example"])
    assert receiver.requests[0][0]["host"] == f"rebinding.example:{receiver.port}"


@pytest.mark.parametrize("inner", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1"])
def test_a_name_that_leads_inside_is_not_connected_to(receiver: Receiver, inner: str) -> None:
    def resolve(host: str, port: int) -> Sequence[Address]:
        return [ipaddress.ip_address("8.8.8.8"), ipaddress.ip_address(inner)]

    with pytest.raises(AddressRefused):
        posting.post(
            url=f"http://inside.example:{receiver.port}/",
            headers={},
            body=b"",
            rules=PUBLIC,
            resolve=resolve,
        )
    assert receiver.requests == []


def test_a_name_server_that_does_not_answer_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def silent(*args: object, **kwargs: object) -> None:
        answered.wait(10)
        raise OSError

    monkeypatch.setattr(posting, "RESOLVE_S", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", silent)
    with pytest.raises(posting.NoAnswer, match="resolved in time"):
        posting.post(url="https://tarpit.example/", headers={}, body=b"", rules=PUBLIC)
    answered.set()


def test_a_name_that_nobody_has() -> None:
    with pytest.raises(posting.NoAnswer, match="could not be resolved"):
        posting.post(url="https://nobody.invalid/", headers={}, body=b"", rules=PUBLIC)


def test_localhost_by_its_name_is_refused(receiver: Receiver) -> None:
    with pytest.raises(AddressRefused):
        posting.post(url=f"http://localhost:{receiver.port}/", headers={}, body=b"", rules=PUBLIC)
    assert receiver.requests == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate of hooks.example with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example")])
    began = datetime.now(UTC) - timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(began)
        .not_valid_after(began + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path / "server.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.mark.parametrize(
    ("is_trusted", "name", "problem"),
    [(True, "hooks.example", ""), (False, "hooks.example", "certificate"), (True, "other.example", "certificate")],
)  # fmt: skip
def test_the_certificate_is_that_of_the_name_though_the_connection_goes_to_an_address(
    monkeypatch: pytest.MonkeyPatch, certificate: Path, is_trusted: bool, name: str, problem: str
) -> None:
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    rules = rules_from(networks=["127.0.0.1/32"], ports=range(1, 65_536), allows_http=False)
    with receiving(tls) as receiver:
        url = f"https://{name}:{receiver.port}/"

        def send() -> posting.Answer:
            return posting.post(
                url=url,
                headers={},
                body=b"",
                rules=rules,
                resolve=lambda host, port: [ipaddress.ip_address("127.0.0.1")],
            )

        if problem:
            with pytest.raises(posting.NoAnswer, match=problem):
                send()
            assert receiver.requests == []
        else:
            assert send().status == 204
