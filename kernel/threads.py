"""A bounded pool of threads for database work asked for by async code.

asgiref's default runs all such work of a process on one thread; one slow query would then stall
every socket (`thread_sensitive`). Here N threads share the work, each with its own connection.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")


@lru_cache(maxsize=1)
def database_pool() -> ThreadPoolExecutor:
    """The process's pool for database work of sockets and jobs."""
    return ThreadPoolExecutor(settings.DATABASE_THREADS, thread_name_prefix="database")


async def run_in_database_thread(
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call `function` on a thread that may use the ORM; a broken connection is dropped first."""
    context = contextvars.copy_context()
    call = partial(_with_fresh_connection, partial(function, *args, **kwargs))
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(database_pool(), partial(context.run, call))


def _with_fresh_connection(call: Callable[[], T]) -> T:
    close_old_connections()
    return call()
