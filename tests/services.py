"""Private PostgreSQL, Redis and Mosquitto servers for tests and benchmarks.

Each is a child process on a free loopback port with its files in a temporary folder. Outside
pytest, `python -m tests.services postgres redis` prints the variables and runs until Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from devicelink.mqtt import dynsec
from kernel.broker_accounts import digest_password
from tests.server_process import LOOPBACK, Service, ServiceFailed, Unavailable

ROOT = Path(__file__).resolve().parents[1]
SHUTDOWN_SECONDS = 10.0
_PSQL = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1")


class PostgresServer(Service):
    """PostgreSQL with the roles of deploy/postgres/roles.sql, as a production site has them.

    `is_durable=False` trades safety against power loss for speed; the product refuses such a
    server, the test suite itself does not.
    """

    title = "PostgreSQL"
    superuser = "postgres"
    database = "homepot"

    def __init__(self, *, is_durable: bool = True) -> None:
        super().__init__()
        self.is_durable = is_durable
        self.user = self.superuser if os.geteuid() == 0 else None
        self.passwords = {
            role: secrets.token_hex(16) for role in (self.superuser, "homepot_owner", "homepot_app")
        }
        if self.user:
            shutil.chown(self.folder, self.user, self.user)

    @classmethod
    def missing(cls) -> str:
        if not postgres_binary("initdb"):
            return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
        if os.geteuid() == 0 and not _user_exists(cls.superuser):
            return "PostgreSQL refuses to run as root and there is no user `postgres`"
        return ""

    def prepare(self) -> None:
        password_file = self.folder / "superuser"
        password_file.write_text(self.passwords[self.superuser], encoding="ascii")
        if self.user:
            shutil.chown(password_file, self.user, self.user)
        done = subprocess.run(
            [
                postgres_binary("initdb"),
                f"--pgdata={self.folder / 'data'}",
                f"--username={self.superuser}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self.folder,
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            check=False,
        )
        if done.returncode:
            raise ServiceFailed(f"initdb failed: {done.stderr.decode(errors='replace')}")

    def command(self) -> list[str]:
        options = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            "shared_buffers": "64MB",
            "timezone": "UTC",
        }
        if not self.is_durable:
            # A kill -9 of the server loses nothing by this, only a crash of the machine would.
            options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        return [postgres_binary("postgres"), "-D", str(self.folder / "data"), *settings]

    def answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url(self.superuser, "postgres"), connect_timeout=2).close()
            return True
        return False

    def finish_setup(self) -> None:
        # Test databases are copies of template1, so the grants reach them without another step.
        self._run_script("grants.sql", "template1")
        self._run_script("roles.sql", "postgres")
        self.execute("ALTER ROLE homepot_owner CREATEDB")

    def start(self) -> None:
        # The children of a killed server hold its shared memory for a moment longer.
        for _ in range(5):
            try:
                super().start()
            except ServiceFailed as error:
                if "shared memory block" not in str(error):
                    raise
            else:
                return
        super().start()

    def stop(self) -> None:
        # SIGTERM would wait for open connections; SIGINT is PostgreSQL's fast shutdown.
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(SHUTDOWN_SECONDS)
        super().stop()

    def url(self, role: str, database: str | None = None) -> str:
        """Address of a database for one of the roles."""
        login = f"{role}:{self.passwords[role]}"
        return f"postgresql://{login}@{LOOPBACK}:{self.port}/{database or self.database}"

    def environment(self) -> dict[str, str]:
        return self.database_environment(self.database)

    def database_environment(self, database: str) -> dict[str, str]:
        """The product's variables for one database of this server."""
        return {
            "DATABASE_URL": self.url("homepot_app", database),
            "DATABASE_OWNER_URL": self.url("homepot_owner", database),
        }

    def create_database(self, name: str, *, template: str = "template1") -> None:
        """A database that belongs to the owner role, empty or a copy of another one."""
        statement = sql.SQL("CREATE DATABASE {} OWNER homepot_owner TEMPLATE {}")
        self.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def drop_database(self, name: str) -> None:
        """Remove a database and end the connections to it."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self.execute(statement.format(sql.Identifier(name)))

    def dump(self, database: str, path: Path) -> None:
        """Write a whole database to a file of statements."""
        self._run("pg_dump", f"--file={path}", self.url(self.superuser, database))

    def restore(self, path: Path, database: str) -> None:
        """Fill an empty database from such a file."""
        self._run("psql", *_PSQL, f"--file={path}", self.url(self.superuser, database))

    def execute(self, statement: sql.Composable | str, database: str = "postgres") -> None:
        """Run one statement as the superuser, outside any transaction."""
        query = sql.SQL(statement) if isinstance(statement, str) else statement  # type: ignore[arg-type]
        address = self.url(self.superuser, database)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(query)

    def _run_script(self, name: str, database: str) -> None:
        passwords = {
            "HOMEPOT_OWNER_PASSWORD": self.passwords["homepot_owner"],
            "HOMEPOT_APP_PASSWORD": self.passwords["homepot_app"],
        }
        script = f"--file={ROOT}/deploy/postgres/{name}"
        self._run("psql", *_PSQL, script, self.url(self.superuser, database), **passwords)

    def _run(self, program: str, *arguments: str, **environment: str) -> None:
        done = subprocess.run(
            [postgres_binary(program), *arguments],
            env={"PATH": os.environ.get("PATH", ""), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise ServiceFailed(f"{program}: {done.stderr.decode(errors='replace')}")


class RedisServer(Service):
    """Redis that keeps nothing on disk, so a kill loses everything it held."""

    title = "Redis"

    @classmethod
    def missing(cls) -> str:
        if shutil.which("redis-server"):
            return ""
        return "Redis is not installed (Debian: apt-get install redis-server)"

    def command(self) -> list[str]:
        binary = shutil.which("redis-server") or "redis-server"
        files = ["--dir", str(self.folder), "--save", "", "--appendonly", "no"]
        return [binary, "--bind", LOOPBACK, "--port", str(self.port), *files]

    def answers(self) -> bool:
        return _exchange(self.port, b"PING\r\n").startswith(b"+PONG")

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def environment(self) -> dict[str, str]:
        return {"REDIS_URL": self.url}


class MosquittoServer(Service):
    """An MQTT broker with the configuration of deploy/mosquitto, as a production site has it.

    Accounts: `admin` manages accounts, `homepot-ingest` is the server's. Devices have none yet.
    """

    title = "Mosquitto"
    admin, ingest = "admin", "homepot-ingest"

    def __init__(self) -> None:
        super().__init__()
        self.passwords = {name: secrets.token_hex(16) for name in (self.admin, self.ingest)}

    @classmethod
    def missing(cls) -> str:
        if _mosquitto() and _dynamic_security():
            return ""
        return "Mosquitto is not installed (Debian: apt-get install mosquitto)"

    @property
    def accounts_path(self) -> Path:
        """The file of the dynamic security plugin."""
        return self.folder / "dynamic-security.json"

    def prepare(self) -> None:
        self.write_accounts()

    def write_accounts(self, accounts: Sequence[dynsec.Account] = ()) -> None:
        """Put these accounts, and the two of the server, into the file the broker starts with."""
        own = [
            dynsec.Account(username=name, digest=digest_password(password), roles=(name,))
            for name, password in self.passwords.items()
        ]
        self.accounts_path.write_text(dynsec.document([*own, *accounts]), encoding="utf-8")

    def command(self) -> list[str]:
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text(self._configuration(), encoding="utf-8")
        return [_mosquitto(), "-c", str(configuration)]

    def _configuration(self) -> str:
        places = {
            "listener": f"{self.port} {LOOPBACK}",
            "plugin": _dynamic_security(),
            "plugin_opt_config_file": str(self.accounts_path),
            "persistence_location": f"{self.folder}/",
        }
        shipped = (ROOT / "deploy" / "mosquitto" / "mosquitto.conf").read_text(encoding="utf-8")
        lines = [f"user {pwd.getpwuid(os.geteuid()).pw_name}", "log_dest stderr"]
        for line in shipped.splitlines():
            name, _, value = line.partition(" ")
            lines.append(f"{name} {places.pop(name, value)}")
        if places:
            raise ServiceFailed(f"deploy/mosquitto/mosquitto.conf does not set {sorted(places)}")
        return "\n".join(lines) + "\n"

    def answers(self) -> bool:
        # Without credentials: the broker that refuses this is up.
        connect = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04ping"
        return _exchange(self.port, connect).startswith(b"\x20\x02\x00")

    @property
    def url(self) -> str:
        """Address of the broker, as devices are told it."""
        return f"mqtt://{LOOPBACK}:{self.port}"

    def url_of(self, username: str) -> str:
        """Address of the broker with one of the server's own accounts."""
        return f"mqtt://{username}:{self.passwords[username]}@{LOOPBACK}:{self.port}"

    def environment(self) -> dict[str, str]:
        return {
            "MQTT_URL": self.url_of(self.ingest),
            "MQTT_CONTROL_URL": self.url_of(self.admin),
            "MQTT_PUBLIC_URL": self.url,
        }


SERVICES: dict[str, type[Service]] = {
    "postgres": PostgresServer,
    "redis": RedisServer,
    "mosquitto": MosquittoServer,
}


def postgres_binary(name: str) -> str:
    """Path of a PostgreSQL program, the newest version first; empty when there is none."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda folder: int(folder.parent.name) if folder.parent.name.isdecimal() else 0,
        reverse=True,
    )
    places = [str(folder) for folder in versions]
    return shutil.which(name, path=os.pathsep.join([*places, os.environ.get("PATH", "")])) or ""


def chromium_binary() -> str:
    """Path of a Chromium or Chrome; empty when there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), "")


def with_database(url: str, database: str) -> str:
    """The same server and role, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@contextlib.contextmanager
def running(names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Run the named services; yields the product's variables that point at them."""
    with contextlib.ExitStack() as stack:
        environment: dict[str, str] = {}
        for name in names:
            environment |= stack.enter_context(SERVICES[name]()).environment()
        yield environment


def _mosquitto() -> str:
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""


def _dynamic_security() -> str:
    places = [
        *Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"),
        *Path("/usr/lib").glob("mosquitto_dynamic_security.so"),
    ]
    return str(places[0]) if places else ""


def _user_exists(name: str) -> bool:
    with contextlib.suppress(KeyError):
        pwd.getpwnam(name)
        return True
    return False


def _exchange(port: int, request: bytes) -> bytes:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            connection.sendall(request)
            return connection.recv(64)
    except OSError:
        return b""


def main(arguments: Sequence[str]) -> int:
    """Run the named services until Ctrl-C or SIGTERM; `--check` only tells what is missing."""
    names = [argument for argument in arguments if argument != "--check"]
    if not names or set(names) - SERVICES.keys():
        sys.stderr.write(f"usage: python -m tests.services [--check] {' '.join(SERVICES)}\n")
        return 2
    if "--check" in arguments:
        reasons = [reason for name in names if (reason := SERVICES[name].missing())]
        sys.stdout.writelines(f"{reason}\n" for reason in reasons)
        return 1 if reasons else 0
    return _run_until_told(names)


def _run_until_told(names: Sequence[str]) -> int:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        with running(names) as environment:
            sys.stdout.writelines(f"{name}={value}\n" for name, value in environment.items())
            sys.stdout.flush()
            ended.wait()
    except (Unavailable, ServiceFailed) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
