"""The private servers of the suite keep their promises."""

import psycopg
import pytest
import redis
from psycopg import errors

from tests.services import PostgresServer, RedisServer


def connected(server: PostgresServer, role: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(server.url(role), autocommit=True)


@pytest.fixture
def table(postgres_server: PostgresServer) -> str:
    with connected(postgres_server, "homepot_owner") as owner:
        owner.execute("DROP TABLE IF EXISTS kept")
        owner.execute("CREATE TABLE kept (id bigserial PRIMARY KEY, note text)")
    return "kept"


@pytest.mark.postgres
def test_the_app_role_reads_and_writes_what_the_owner_made(
    postgres_server: PostgresServer, table: str
) -> None:
    with connected(postgres_server, "homepot_app") as app:
        app.execute("INSERT INTO kept (note) VALUES ('a')")
        app.execute("UPDATE kept SET note = 'b'")
        assert app.execute("SELECT note FROM kept").fetchall() == [("b",)]
        app.execute("DELETE FROM kept")


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE kept",
        "DROP TABLE kept",
        "CREATE TABLE own (id int)",
        "CREATE DATABASE own",
        "SET session_replication_role = replica",
        "CREATE ROLE friend SUPERUSER",
    ],
)
def test_the_app_role_may_not(postgres_server: PostgresServer, table: str, statement: str) -> None:
    with (
        connected(postgres_server, "homepot_app") as app,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        app.execute(statement)


@pytest.mark.postgres
def test_neither_role_can_bypass_row_security(postgres_server: PostgresServer) -> None:
    with connected(postgres_server, "homepot_app") as app:
        found = app.execute(
            "SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname LIKE 'homepot%'"
        ).fetchall()
    assert sorted(found) == [("homepot_app", False), ("homepot_owner", False)]


@pytest.mark.postgres
@pytest.mark.fault
def test_a_killed_postgresql_returns_with_what_was_committed(
    postgres_server: PostgresServer, table: str
) -> None:
    with connected(postgres_server, "homepot_app") as app:
        app.execute("INSERT INTO kept (note) VALUES ('committed')")
    port = postgres_server.port
    postgres_server.kill9()
    assert not postgres_server.answers()
    postgres_server.start()
    assert postgres_server.port == port
    with connected(postgres_server, "homepot_app") as app:
        assert app.execute("SELECT note FROM kept").fetchall() == [("committed",)]


@pytest.mark.redis
@pytest.mark.fault
def test_a_killed_redis_returns_empty(redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("key", "value")
        redis_server.kill9()
        with pytest.raises(redis.ConnectionError):
            client.get("key")
        redis_server.start()
        assert client.get("key") is None
