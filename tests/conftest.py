"""One suite, two backends: `HOMEPOT_TEST_BACKEND=embedded` (SQLite) or `production`.

The production backend is a private PostgreSQL and Redis. Migrations run as the owner role; every
test then connects as the app role, so a missing grant or policy shows.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase
from playwright.sync_api import sync_playwright

from kernel import row_security
from tests.database_cleaning import SUPERUSER_URL, clean_after_test, end_connections
from tests.migrated import (
    copy_template,
    make_template,
    migrated_copy,
    put_migrated_database,
    put_sqlite_file,
)
from tests.product import ProductProcess, embedded_product, production_product
from tests.services import (
    ROOT,
    MosquittoServer,
    PostgresServer,
    RedisServer,
    Service,
    chromium_binary,
)

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from accounts.models import User
    from kernel.actors import Actor

BACKEND = "HOMEPOT_TEST_BACKEND"
SERVICE_OF_MARKER: dict[str, type[Service]] = {
    "postgres": PostgresServer,
    "redis": RedisServer,
    "mosquitto": MosquittoServer,
}
StartProduct = Callable[..., ProductProcess]
SomeService = TypeVar("SomeService", bound=Service)

_cleanup = contextlib.ExitStack()
_shared: dict[str, str] = {}


def services_are_required() -> bool:
    """True where a skipped test counts as a failure (the build machine)."""
    return os.environ.get("HOMEPOT_REQUIRE_SERVICES") == "1"


def backend() -> str:
    """`embedded` or `production`: what this run tests on."""
    return os.environ.get(BACKEND) or "embedded"


# Set-up before Django reads its settings


def pytest_configure(config: pytest.Config) -> None:
    if backend() not in {"embedded", "production"}:
        raise pytest.UsageError(f"{BACKEND} must be embedded or production, not {backend()!r}")
    _forget_the_callers_environment()
    folder = Path(tempfile.mkdtemp(prefix="homepot-tests-"))
    _cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
    # The folder that static files are collected in: WhiteNoise warns when it is not there.
    (folder / "static").mkdir()
    os.environ["HOMEPOT_DATA_DIR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "homepot.settings.testing"
    if backend() == "production":
        os.environ.update(_production_environment(config))
    # Read now: pytest-django sets Django up only where the settings are already there.
    assert settings.DATABASES


def pytest_unconfigure() -> None:
    _cleanup.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist: tell a worker where the PostgreSQL is that all workers share."""
    node.workerinput["homepot_services"] = dict(_shared)


def pytest_report_header() -> str:
    return f"homepot: {backend()} backend"


def _forget_the_callers_environment() -> None:
    # Loaded by its path: importing the package would read the settings too early.
    path = ROOT / "homepot" / "settings" / "environment.py"
    spec = importlib.util.spec_from_file_location("_homepot_environment", path)
    if spec is None or spec.loader is None:
        raise pytest.UsageError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    for variable in module.VARIABLES:
        os.environ.pop(variable.name, None)
        os.environ.pop(f"{variable.name}_FILE", None)


def _production_environment(config: pytest.Config) -> dict[str, str]:
    for service in (PostgresServer, RedisServer):
        if reason := service.missing():
            raise pytest.UsageError(f"{BACKEND}=production: {reason}")
    shared: dict[str, str] | None = getattr(config, "workerinput", {}).get("homepot_services")
    if shared is None:
        postgres = _cleanup.enter_context(PostgresServer(is_durable=False))
        make_template(postgres)
        _shared.update(postgres.environment())
        _shared[SUPERUSER_URL] = postgres.url(postgres.superuser)
        shared = _shared
    # Redis pub/sub knows no databases: with a shared server, workers would hear each other.
    return shared | _cleanup.enter_context(RedisServer()).environment()


# Selection and skips


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, without a skip, what has no meaning on this backend."""
    other = "embedded_only" if backend() == "production" else "production_only"
    left_out = [item for item in items if item.get_closest_marker(other)]
    for item in items:
        if item.get_closest_marker("production_only"):
            item.add_marker("core")
    if left_out:
        items[:] = [item for item in items if not item.get_closest_marker(other)]
        config.hook.pytest_deselected(items=left_out)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, service in SERVICE_OF_MARKER.items():
        if item.get_closest_marker(marker) and (reason := service.missing()):
            pytest.skip(reason)
    if item.get_closest_marker("browser") and not chromium_binary():
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: Any) -> None:
    if services_are_required() and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}\nHOMEPOT_REQUIRE_SERVICES=1 allows no skipped test."


# The database


@pytest.fixture(autouse=True)
def tests_work_platform_wide(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tests arrange and look at rows of all tenants; the doors they call enter their own scopes.

    Threads and loops that a test starts begin with it too. Row security itself is tested with
    the scope taken away (tests/kernel/test_row_security.py).
    """
    monkeypatch.setattr(row_security.Outside, "scope", row_security.Scope(platform="tests"))
    with row_security.platform_scope("tests"):
        yield


@pytest.fixture(autouse=True)
def nobody_was_heard() -> Iterator[None]:
    """Signs of life that a test left in this process are not those of the next one's devices."""
    from devices import presence_store  # noqa: PLC0415  after Django is set up
    from devices.services import signs_of_life  # noqa: PLC0415

    kept = (presence_store.current, signs_of_life.current)
    yield
    for function in kept:
        function.cache_clear()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """The test database is the owner role's, and begins as a copy of a migrated one."""
    _connect_as("DATABASE_OWNER_URL")
    name = str(
        connection.settings_dict["TEST"]["NAME"] or f"test_{connection.settings_dict['NAME']}"
    )
    if backend() == "production":
        copy_template(os.environ[SUPERUSER_URL], name)
    else:
        put_sqlite_file(Path(name))


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Django takes the copy as it is; what is newer than it is migrated."""
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Tests talk to the migrated database as the app role."""
    TransactionTestCase._fixture_teardown = clean_after_test  # type: ignore[method-assign]
    with django_db_blocker.unblock():
        _connect_as("DATABASE_URL")
    yield
    with django_db_blocker.unblock():
        if backend() == "production":
            end_connections(str(connection.settings_dict["NAME"]))
        _connect_as("DATABASE_OWNER_URL")


def _connect_as(variable: str) -> None:
    if backend() != "production":
        return
    parts = urlsplit(os.environ[variable])
    connection.close()
    connection.settings_dict.update(USER=parts.username, PASSWORD=parts.password)


# Someone who owns something


@pytest.fixture
def user(db: None) -> User:
    """A registered user."""
    from tests.factories.users import make_user  # noqa: PLC0415

    return make_user()


@pytest.fixture
def owner(user: User) -> Actor:
    """The user as services see them, from an address of their own."""
    from tests.factories.users import actor_of  # noqa: PLC0415

    return actor_of(user, address="192.0.2.1")


@pytest.fixture
def api(user: User) -> APIClient:
    """The user's API client."""
    from tests.factories.users import client_of, sign_in  # noqa: PLC0415

    return client_of(sign_in(user))


# Servers and the product as processes


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of its own, apart from the backend's: free to kill and restart."""
    with _needed(PostgresServer) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis of its own, apart from the backend's: free to kill and restart."""
    with _needed(RedisServer) as server:
        yield server


@pytest.fixture(scope="session")
def mosquitto_server() -> Iterator[MosquittoServer]:
    """An MQTT broker, free to kill and restart."""
    with _needed(MosquittoServer) as server:
        yield server


def _needed(kind: type[SomeService]) -> SomeService:
    if reason := kind.missing():
        pytest.skip(reason)
    return kind()


@pytest.fixture
def start_product(request: pytest.FixtureRequest) -> Iterator[StartProduct]:
    """Start installations: `start_product("production", HOMEPOT_DEMO="1")`; ended by the test."""
    with contextlib.ExitStack() as stack:

        def start(kind: str = "embedded", **environment: str) -> ProductProcess:
            if kind == "production":
                services = _fresh_services(request, stack)
                product = production_product(services, is_migrated=True, **environment)
            else:
                product = embedded_product(**environment)
                put_migrated_database(product)
            stack.callback(product.close)
            product.start()
            return product

        yield start


@pytest.fixture
def live_server_process(
    request: pytest.FixtureRequest, start_product: StartProduct
) -> ProductProcess:
    """The product, running; parametrize indirectly with "embedded" (default) or "production"."""
    return start_product(getattr(request, "param", "embedded"))


def _fresh_services(request: pytest.FixtureRequest, stack: contextlib.ExitStack) -> dict[str, str]:
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    redis: RedisServer = request.getfixturevalue("redis_server")
    name = f"homepot_{secrets.token_hex(6)}"
    migrated_copy(postgres, name)
    stack.callback(postgres.drop_database, name)
    return postgres.database_environment(name) | redis.environment()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium (Playwright's sync interface).

    Playwright keeps a loop running on this thread while it is open; tests of other modules that
    run loops of their own may land on the same worker, so it ends with its module.
    """
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=chromium_binary(),
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def browser_page(browser: Any) -> Iterator[Any]:
    """A page in a browser profile of its own."""
    context = browser.new_context()
    yield context.new_page()
    context.close()
