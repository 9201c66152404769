"""Brokers for tests of the device side: a real Mosquitto with one account, and scripted ones."""

import asyncio
import hashlib
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from edge.mqtt.client import Address
from edge.mqtt.packets import Connack, Connect, Decoder, Packet, encode
from tests.server_process import LOOPBACK, Service

USERNAME, PASSWORD = "device", "a secret: @/"
_ITERATIONS = 101


class SmallBroker(Service):
    """A Mosquitto with some accounts; unless told otherwise one, which may use ``mine/`` only."""

    title = "Mosquitto"

    def __init__(
        self,
        accounts: Mapping[str, str] | None = None,
        rights: str = f"user {USERNAME}\ntopic readwrite mine/#\n",
    ) -> None:
        super().__init__()
        self._accounts = accounts or {USERNAME: PASSWORD}
        self._rights = rights

    @classmethod
    def missing(cls) -> str:
        if _binary():
            return ""
        return "Mosquitto is not installed (Debian: apt-get install mosquitto)"

    def prepare(self) -> None:
        lines = [f"{name}:{_digest(password)}\n" for name, password in self._accounts.items()]
        files = {"accounts": "".join(lines), "rights": self._rights}
        for name, content in files.items():
            (self.folder / name).write_text(content)
            (self.folder / name).chmod(0o600)

    def command(self) -> list[str]:
        lines = [
            f"listener {self.port} {LOOPBACK}",
            f"user {pwd.getpwuid(os.geteuid()).pw_name}",
            "allow_anonymous false",
            f"password_file {self.folder / 'accounts'}",
            f"acl_file {self.folder / 'rights'}",
            "max_inflight_messages 3",
            "max_keepalive 3600",
        ]
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text("\n".join(lines) + "\n")
        return [_binary(), "-c", str(configuration)]

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection((LOOPBACK, self.port), timeout=1):
            return True
        return False

    def environment(self) -> dict[str, str]:
        return {}

    def admit(self, accounts: Mapping[str, str]) -> None:
        """Know these accounts only; whoever is connected with another one is put out."""
        self._accounts = accounts
        self.prepare()
        if self.process is not None:
            self.process.send_signal(signal.SIGHUP)

    @property
    def address(self) -> Address:
        """Where it is, with its account."""
        return Address(LOOPBACK, self.port, False, USERNAME, PASSWORD)


@dataclass
class ScriptedBroker:
    """Accepts everybody; ``answer`` says what it answers to each packet after CONNECT."""

    level: int
    answer: Callable[[Packet], list[Packet]]
    accepted: Connack = field(default_factory=Connack)
    address: Address = field(default_factory=lambda: Address(LOOPBACK, 0))
    heard: list[Packet] = field(default_factory=list)
    raw: bytes = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one client until it goes."""
        decoder = Decoder(level=self.level)
        with suppress(ConnectionError):
            while data := await reader.read(4096):
                for packet in decoder.feed(data):
                    self.heard.append(packet)
                    is_first = isinstance(packet, Connect)
                    for said in [self.accepted] if is_first else self.answer(packet):
                        writer.write(encode(said, level=self.level))
                writer.write(self.raw)
        writer.close()


@asynccontextmanager
async def scripted(
    broker: ScriptedBroker, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedBroker]:
    """Run a scripted broker."""
    server = await asyncio.start_server(broker.serve, LOOPBACK, 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    broker.address = Address(LOOPBACK, port, is_tls=tls is not None)
    async with server:
        yield broker


async def eventually(is_so: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Return when it is so; the test's own time limit ends the wait."""
    while True:
        found = is_so()
        if found if isinstance(found, bool) else await found:
            return
        await asyncio.sleep(0.01)


def certificate(folder: Path) -> Path:
    """Return a file with a key and a certificate of its own for this machine, good for one day."""
    file = folder / "broker.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=broker", "-keyout", str(folder / "key.pem")),
            *("-addext", f"subjectAltName=IP:{LOOPBACK}", "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return file


def _binary() -> str:
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""


def _digest(password: str) -> str:
    salt = b"a fixed salt"
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${b64encode(salt).decode()}${b64encode(digest).decode()}"
