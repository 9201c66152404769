"""Many processes on PostgreSQL and Redis; start-up checks refuse unsafe values (kernel.checks)."""

import sys

from homepot.settings.base import *
from homepot.settings.base import BASE_DIR, DATA_DIR, ENFORCE_HTTPS, VERSIONED_STORAGES
from homepot.settings.databases import postgresql, sqlite
from homepot.settings.environment import environment

SECRET_KEY = environment.text("SECRET_KEY") or "unset"
JWT_KEYS = environment.text("HOMEPOT_JWT_KEYS")
DEVICE_PROVISION_KEY = environment.text("DEVICE_PROVISION_KEY")

_OWNER_COMMANDS = {"migrate"}
_url = environment.text("DATABASE_URL")
if len(sys.argv) > 1 and sys.argv[1] in _OWNER_COMMANDS:
    _url = environment.text("DATABASE_OWNER_URL") or _url
# With no address the check `homepot.E004` names the cure; SQLite only lets settings load.
DATABASES = {"default": postgresql(_url) if _url else sqlite(DATA_DIR / "unset.sqlite3")}

STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = False
STATIC_BUNDLES = True
STORAGES = VERSIONED_STORAGES
SESSION_COOKIE_SECURE = ENFORCE_HTTPS
CSRF_COOKIE_SECURE = ENFORCE_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if ENFORCE_HTTPS else 0
