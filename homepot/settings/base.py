"""Settings that hold in every mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from edge.protocol.limits import MAX_HTTP_BODY_BYTES
from homepot.settings.email import mail_server
from homepot.settings.environment import environment
from homepot.settings.logging import logging_settings

BASE_DIR = Path(__file__).resolve().parents[2]
HOMEPOT_VERSION = "0.1.0"
HOMEPOT_MODE = environment.text("HOMEPOT_MODE")
HOST = environment.text("HOST")
PORT = environment.integer("PORT")
DATA_DIR = environment.path("HOMEPOT_DATA_DIR")
DEMO = environment.boolean("HOMEPOT_DEMO")
ADMIN_EMAIL = environment.text("HOMEPOT_ADMIN_EMAIL")
ADMIN_PASSWORD = environment.text("HOMEPOT_ADMIN_PASSWORD")

DEBUG = environment.boolean("DEBUG")
ALLOWED_HOSTS = environment.items("ALLOWED_HOSTS")
PUBLIC_URL = environment.text("PUBLIC_URL").rstrip("/")
ENFORCE_HTTPS = environment.boolean("ENFORCE_HTTPS")
TRUSTED_PROXIES = environment.items("TRUST_PROXY")
CORS_ALLOWED_ORIGINS = environment.items("CORS_ALLOWED_ORIGINS")
METRICS_TOKEN = environment.text("METRICS_TOKEN")
METRICS_ALLOW = environment.items("METRICS_ALLOW")
REDIS_URL = environment.text("REDIS_URL")
MQTT_URL = environment.text("MQTT_URL")
MQTT_CONTROL_URL = environment.text("MQTT_CONTROL_URL")
MQTT_PUBLIC_URL = environment.text("MQTT_PUBLIC_URL")
MQTT_CA_FILE = environment.text("MQTT_CA_FILE")

OFFLINE_AFTER_SECONDS = environment.integer("OFFLINE_AFTER_SECONDS")
PRESENCE_BACKEND = environment.text("PRESENCE_BACKEND")
PRESENCE_SEED_KEYS = environment.boolean("PRESENCE_SEED_KEYS")
ACK_TIMEOUT_SECONDS = environment.integer("ACK_TIMEOUT_SECONDS")
COMMAND_QUEUE_LIMIT = environment.integer("COMMAND_QUEUE_LIMIT")
ACCESS_TOKEN_SECONDS = environment.integer("ACCESS_TOKEN_SECONDS")
REFRESH_TOKEN_DAYS = environment.integer("REFRESH_TOKEN_DAYS")
LOGIN_ATTEMPTS_PER_MINUTE = environment.integer("LOGIN_ATTEMPTS_PER_MINUTE")
PROVISIONS_PER_MINUTE = environment.integer("PROVISIONS_PER_MINUTE")
CLAIM_CODE_HOURS = environment.integer("CLAIM_CODE_HOURS")
WEB_THREADS = environment.integer("WEB_THREADS")
DATABASE_THREADS = environment.integer("DATABASE_THREADS")
MAX_DEVICE_SOCKETS = environment.integer("MAX_DEVICE_SOCKETS")
MAX_DEVICE_HANDSHAKES = environment.integer("MAX_DEVICE_HANDSHAKES")
MAX_CLIENT_SOCKETS = environment.integer("MAX_CLIENT_SOCKETS")
DEVICE_TOKEN_IN_QUERY = environment.boolean("HOMEPOT_DEVICE_TOKEN_IN_QUERY")
AUDIT_ADDRESSES = environment.boolean("AUDIT_ADDRESSES")
TELEMETRY_RAW_DAYS = environment.integer("TELEMETRY_RAW_DAYS")
TELEMETRY_5M_DAYS = environment.integer("TELEMETRY_5M_DAYS")
TELEMETRY_1H_DAYS = environment.integer("TELEMETRY_1H_DAYS")
GROUP_JOURNAL_DAYS = environment.integer("GROUP_JOURNAL_DAYS")
TWIN_REPORTED_DAYS = environment.integer("TWIN_REPORTED_DAYS")
WEBHOOK_ALLOW_NETWORKS = environment.items("WEBHOOK_ALLOW_NETWORKS")
WEBHOOK_ALLOW_HTTP = environment.boolean("WEBHOOK_ALLOW_HTTP")
WEBHOOK_PORTS = environment.items("WEBHOOK_PORTS")
_mail = mail_server(environment.text("EMAIL_URL"))
EMAIL_CONFIGURED = _mail.is_configured
EMAIL_BACKEND = _mail.backend
EMAIL_HOST = _mail.host
EMAIL_PORT = _mail.port
EMAIL_HOST_USER = _mail.user
EMAIL_HOST_PASSWORD = _mail.password
EMAIL_USE_SSL = _mail.is_wrapped_in_tls
EMAIL_USE_TLS = _mail.starts_tls
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM")
FAILPOINT = environment.text("HOMEPOT_FAILPOINT")
MAX_BODY_BYTES = 1024 * 1024
# Addresses that take more, by their path.
_LIST = 4 * 1024 * 1024
# The page sends the same file as a part of a form.
BODY_LIMITS = {
    "/api/v1/enrolments": _LIST,
    "/dashboard/enrol": _LIST + 64 * 1024,
    "/api/v1/analytics/device-metrics": MAX_HTTP_BODY_BYTES,
}
# Django's own limit knows no addresses; the bridge has held each to its own before.
DATA_UPLOAD_MAX_MEMORY_SIZE = max(MAX_BODY_BYTES, *BODY_LIMITS.values())

INSTALLED_APPS = [
    "kernel",
    "audit",
    "accounts",
    "devices",
    "commands",
    "notifications",
    "relays",
    "telemetry",
    "twins",
    "infrared",
    "groups",
    "fleet",
    "exports",
    "timeline",
    "devicelink",
    "ops",
    "household",
    "homepot",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_prometheus",
    "csp",
    "homepot.admin_config.HomepotAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "kernel.middleware.request_id.RequestIdMiddleware",
    "kernel.middleware.api_errors.ApiErrorsMiddleware",
    "kernel.middleware.clean_address.CleanAddressMiddleware",
    "kernel.middleware.row_scope.RowScopeMiddleware",
    "kernel.middleware.trusted_proxy.TrustedProxyMiddleware",
    "kernel.middleware.transport.HttpsGuardMiddleware",
    "homepot.compression.PageCompressionMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "homepot.static_files.StaticFilesMiddleware",
    "kernel.middleware.cors.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "homepot.urls"
WSGI_APPLICATION = "homepot.wsgi.application"
ASGI_APPLICATION = "homepot.asgi.application"
APPEND_SLASH = False

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "ops:start"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {
        "NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "display_name")},
    },
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = ["homepot.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# For who does not work on the files themselves: they are kept for a year under their version.
VERSIONED_STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "homepot.static_files.VersionedStorage"},
}
WHITENOISE_USE_FINDERS = True
# One style sheet for each face instead of its parts (homepot/static_files.py).
STATIC_BUNDLES = False

SESSION_COOKIE_NAME = "homepot_session"
# Renewed without a password for REFRESH_TOKEN_DAYS (accounts/pages/cookies.py).
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "homepot_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "kernel.middleware.api_errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.AccessTokenAuthentication",
        "accounts.api.authentication.BrowserSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["kernel.api.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": [
        "kernel.api.renderers.JSONRenderer",
        "kernel.api.renderers.ProblemRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": ["kernel.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "kernel.api.pagination.CursorPage",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "kernel.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "kernel.api.exception_handler.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Homepot API",
    "DESCRIPTION": "Devices, relays and the command ledger of a Homepot installation.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    # Fields of one name that mean different things: each set of words has a name of its own.
    "ENUM_NAME_OVERRIDES": {
        "TenantKindEnum": "accounts.choices.TenantKind",
        "SessionKindEnum": "accounts.choices.SessionKind",
        "AccountErasureStateEnum": "accounts.choices.ErasureState",
        "CommandStateEnum": "commands.choices.State",
        "ProvisioningKeyStateEnum": "devices.choices.ProvisioningKeyState",
        "TransferStateEnum": "devices.choices.TransferState",
        "EnrolmentStateEnum": "devices.choices.EnrolmentState",
        "EnrolmentRowStateEnum": "devices.choices.RowState",
        "DeviceClassEnum": "devices.choices.DeviceClass",
        "InputModeEnum": "devices.choices.InputMode",
        "ModeEnum": "devices.choices.EnrolmentMode",
        "GroupKindEnum": "groups.choices.GroupKind",
        "NotificationChannelStateEnum": "notifications.choices.ChannelState",
        "NotificationDeliveryStateEnum": "notifications.choices.DeliveryState",
    },
}

PROMETHEUS_EXPORT_MIGRATIONS = False
LOGGING = logging_settings(
    level=environment.text("LOG_LEVEL"),
    form=environment.text("LOG_FORMAT") or ("json" if HOMEPOT_MODE == "production" else "console"),
)
