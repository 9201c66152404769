"""`manage.py` that counts the processor time of device authentication: `metered_server command`.

`GET /benchmark/cpu` answers with the seconds of it and of the whole process since the start.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import django
from django.core.management import execute_from_command_line
from django.http import HttpRequest, JsonResponse
from django.urls import path

from homepot.settings.environment import settings_module


class _Meter:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 0.0
        self._calls = 0

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def metered(**arguments: Any) -> Any:
            began = time.thread_time()
            try:
                return call(**arguments)
            finally:
                spent = time.thread_time() - began
                with self._lock:
                    self._seconds += spent
                    self._calls += 1

        return metered

    def show(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse(
            {
                "authentication": self._seconds,
                "calls": self._calls,
                "process": time.process_time(),
            }
        )


def main(*command: str) -> None:
    """Run the command with the meter around authentication."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
    django.setup()
    from devices.services import credentials  # noqa: PLC0415  after Django is set up
    from homepot import urls  # noqa: PLC0415  after Django is set up

    meter = _Meter()
    credentials.authenticate_device = meter.around(  # type: ignore[assignment]
        credentials.authenticate_device
    )
    urls.urlpatterns.insert(0, path("benchmark/cpu", meter.show))
    execute_from_command_line(["manage.py", *command])


if __name__ == "__main__":
    main(*sys.argv[1:])
