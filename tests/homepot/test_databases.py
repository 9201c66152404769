"""Connections to the database as the settings make them."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from django.db import connection

from homepot.settings import databases


@pytest.mark.core
@pytest.mark.production_only
@pytest.mark.django_db
def test_a_server_that_vanished_is_given_up_within_half_a_minute() -> None:
    connection.ensure_connection()
    raw: Any = connection.connection
    with socket.socket(fileno=os.dup(raw.pgconn.socket)) as line:
        assert line.family in {socket.AF_INET, socket.AF_INET6}
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


@pytest.mark.core
@pytest.mark.production_only
@pytest.mark.django_db
def test_the_locks_of_a_host_that_vanished_are_given_up_within_a_minute() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("1min",)


def test_an_option_in_the_address_counts_more() -> None:
    made = databases.postgresql("postgresql://u:p@h/d?connect_timeout=2&sslmode=require")
    assert made["OPTIONS"]["connect_timeout"] == "2"
    assert made["OPTIONS"]["sslmode"] == "require"
    assert made["OPTIONS"]["tcp_user_timeout"] == 30_000
