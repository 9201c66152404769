"""Start-up checks: production refuses to run with unsafe values, each with its cure."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection
from django.db.utils import Error as DatabaseError

MIN_SECRET_LENGTH = 32
_DEFAULT_LOOKING = ("change", "insecure", "default", "secret", "example", "unset", "test")


def _is_weak(value: str) -> bool:
    lowered = value.lower()
    return (
        len(value) < MIN_SECRET_LENGTH
        or len(set(value)) < 10
        or any(lowered.startswith(word) for word in _DEFAULT_LOOKING)
    )


def _in_production() -> bool:
    return bool(settings.HOMEPOT_MODE == "production")


@register(Tags.security)
def secrets_are_set(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """homepot.E001 to E003: every secret is set, long and not an example."""
    if not _in_production():
        return []
    found: list[CheckMessage] = []
    cure = "Set {} to at least 32 random characters: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
    if _is_weak(settings.SECRET_KEY):
        found.append(
            Error(
                "SECRET_KEY is missing or weak.", hint=cure.format("SECRET_KEY"), id="homepot.E001"
            )
        )
    keys = [pair.partition(":")[2] for pair in settings.JWT_KEYS.split(",")]
    if any(_is_weak(key) for key in keys) or settings.SECRET_KEY in keys:
        found.append(
            Error(
                "HOMEPOT_JWT_KEYS is missing, weak, or the same as SECRET_KEY.",
                hint=cure.format("HOMEPOT_JWT_KEYS=kid:… "),
                id="homepot.E002",
            )
        )
    if len(settings.DEVICE_PROVISION_KEY) < MIN_SECRET_LENGTH // 2:
        found.append(
            Error(
                "DEVICE_PROVISION_KEY is missing or short.",
                hint=cure.format("DEVICE_PROVISION_KEY"),
                id="homepot.E003",
            )
        )
    return found


@register(Tags.security)
def production_has_its_parts(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """homepot.E004 to E007 and E011: PostgreSQL, Redis, no DEBUG, no failpoint, hosts named."""
    if not _in_production():
        return []
    found: list[CheckMessage] = []
    if connection.vendor != "postgresql":
        found.append(
            Error(
                "Production needs PostgreSQL.",
                hint="Set DATABASE_URL=postgresql://app-role:password@host/name.",
                id="homepot.E004",
            )
        )
    if not settings.REDIS_URL:
        found.append(
            Error(
                "The in-memory bus does not cross processes.",
                hint="Set REDIS_URL=redis://host:6379/0.",
                id="homepot.E005",
            )
        )
    if settings.DEBUG:
        found.append(Error("DEBUG is on.", hint="Unset DEBUG.", id="homepot.E006"))
    if settings.FAILPOINT:
        found.append(
            Error(
                "HOMEPOT_FAILPOINT makes the server kill itself.",
                hint="Unset HOMEPOT_FAILPOINT; it is for tests.",
                id="homepot.E011",
            )
        )
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "ALLOWED_HOSTS names no host, or every host.",
                hint="Set ALLOWED_HOSTS to the host names of this installation.",
                id="homepot.E007",
            )
        )
    if not settings.ENFORCE_HTTPS:
        found.append(
            Warning(
                "ENFORCE_HTTPS is off: credentials may travel in clear.",
                hint="Set ENFORCE_HTTPS=1, and TRUST_PROXY to your proxy's network.",
                id="homepot.W001",
            )
        )
    return found


@register(Tags.database)
def database_role_is_confined(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """homepot.E008, E009, E012: nothing gets round row security; commits are durable.

    Runs with `check --database default` and before the server starts.
    """
    if not _in_production() or connection.vendor != "postgresql":
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
            )
            unconfined = cursor.fetchone()
            cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
            fsync, synchronous_commit = cursor.fetchone() or ("on", "on")
    except DatabaseError as error:
        return [
            Error(
                f"The database does not answer: {type(error).__name__}.",
                hint="Check DATABASE_URL and that PostgreSQL runs.",
                id="homepot.E010",
            )
        ]
    found: list[CheckMessage] = []
    if unconfined is None or unconfined[0]:
        found.append(
            Error(
                "The database role can bypass row security.",
                hint="Use a role with NOSUPERUSER NOBYPASSRLS in DATABASE_URL; "
                "the owner belongs in DATABASE_OWNER_URL.",
                id="homepot.E008",
            )
        )
    if fsync == "off" or synchronous_commit == "off":
        found.append(
            Error(
                "PostgreSQL acknowledges commits that a crash may lose.",
                hint="Set fsync=on and synchronous_commit=on.",
                id="homepot.E009",
            )
        )
    return found + _unprotected_tables()


def _unprotected_tables() -> list[CheckMessage]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') "
            "AND a.attname IN ('tenant_id', 'device_id') "
            "AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1"
        )
        names = [name for (name,) in cursor.fetchall()]
    if not names:
        return []
    return [
        Error(
            f"Tables of tenants without forced row security: {', '.join(names)}.",
            hint="Run manage.py migrate; a table that was restored by hand needs its policies too.",
            id="homepot.E012",
        )
    ]
