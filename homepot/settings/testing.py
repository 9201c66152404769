"""Settings of the test suite: either backend, cheap password hashes, fixed secrets."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("HOMEPOT_DATA_DIR", tempfile.mkdtemp(prefix="homepot-test-"))

from homepot.settings.base import *
from homepot.settings.base import DATA_DIR
from homepot.settings.databases import postgresql, sqlite
from homepot.settings.environment import environment

HOMEPOT_MODE = "testing"
SECRET_KEY = "testing-only-secret-key-0123456789abcdefghijklmnopqrstuvwxyz"
JWT_KEYS = (
    "t1:testing-only-jwt-key-0123456789abcdefghijklmnop,t0:older-testing-jwt-key-0123456789abcdefgh"
)
DEVICE_PROVISION_KEY = "testing-provision-key"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["*"]
# pytest catches the records themselves; the product's handler would have emptied them.
LOGGING_CONFIG = None

_url = environment.text("DATABASE_URL")
DATABASES = {"default": postgresql(_url) if _url else sqlite(Path(DATA_DIR) / "homepot.sqlite3")}
if not _url:
    DATABASES["default"]["TEST"] = {"NAME": str(Path(DATA_DIR) / "test.sqlite3")}
REDIS_URL = environment.text("REDIS_URL")
# Django puts a mailbox in memory in place of any mail server while tests run.
EMAIL_CONFIGURED = True
