"""One process on SQLite, without Redis or a broker: what `make run` starts."""

from homepot.settings.base import *
from homepot.settings.base import DATA_DIR, DEBUG, VERSIONED_STORAGES
from homepot.settings.databases import sqlite
from homepot.settings.environment import environment
from homepot.settings.secrets import made_secrets

_made = made_secrets(DATA_DIR)
SECRET_KEY = environment.text("SECRET_KEY") or _made["SECRET_KEY"]
JWT_KEYS = environment.text("HOMEPOT_JWT_KEYS") or _made["HOMEPOT_JWT_KEYS"]
DEVICE_PROVISION_KEY = environment.text("DEVICE_PROVISION_KEY") or _made["DEVICE_PROVISION_KEY"]
DATABASES = {"default": sqlite(DATA_DIR / "homepot.sqlite3")}
REDIS_URL = ""
if not DEBUG:
    STATIC_BUNDLES = True
    STORAGES = VERSIONED_STORAGES
