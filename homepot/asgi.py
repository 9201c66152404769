"""The ASGI application of this installation, for any ASGI server."""

import os

import django

from homepot.settings.environment import settings_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
django.setup()

from homepot.serving.application import Application  # noqa: E402  the apps must be loaded before

application = Application()
