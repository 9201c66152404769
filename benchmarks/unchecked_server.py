"""`manage.py` whose server also answers one route without looking at credentials.

    python -m benchmarks.unchecked_server DEVICE_UID command

`/api/v1/devices/self-unchecked` is `/api/v1/devices/self` in every part but one: its
authentication says that the caller is that device, whoever calls.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import lru_cache

import django
from django.core.management import execute_from_command_line
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from homepot.settings.environment import settings_module
from kernel.actors import Actor


@lru_cache
def _device(uid: str) -> Actor:
    from devices.models import Device  # noqa: PLC0415  after Django is set up
    from kernel import row_security  # noqa: PLC0415  after Django is set up

    with row_security.platform_scope("benchmark"):
        device = Device.all_objects.unscoped("the benchmark's own device").get(uid=uid)
    actor = Actor.device(device_id=device.pk, uid=device.uid, tenant_id=device.tenant_id)
    return replace(actor, via="api")


class Unchecked(BaseAuthentication):
    """Knows who calls before it is asked."""

    uid = ""

    def authenticate(self, request: Request) -> tuple[None, Actor]:
        """The one device."""
        request_id = getattr(request, "request_id", "")
        address = request.META.get("REMOTE_ADDR") or None
        return None, replace(_device(self.uid), request_id=request_id, address=address)


def main(uid: str, *command: str) -> None:
    """Run the command with the additional route."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
    django.setup()
    from devices.api import urls  # noqa: PLC0415  after Django is set up
    from devices.api.credential_views import DeviceSelfView  # noqa: PLC0415

    Unchecked.uid = uid
    unchecked = DeviceSelfView.as_view(authentication_classes=(Unchecked,))
    urls.urlpatterns.insert(0, path("devices/self-unchecked", unchecked))
    execute_from_command_line(["manage.py", *command])


if __name__ == "__main__":
    main(*sys.argv[1:])
