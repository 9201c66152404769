"""The WSGI application: pages and API without sockets, for tools that expect one."""

import os

from django.core.wsgi import get_wsgi_application

from homepot.settings.environment import settings_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
application = get_wsgi_application()
