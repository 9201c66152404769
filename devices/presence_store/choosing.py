"""Which presence store this installation has."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from devices.presence_store.in_redis import RedisStore
from devices.presence_store.interface import PresenceStore
from devices.presence_store.memory import MemoryStore

_BACKENDS: Final = ("auto", "memory", "redis")


@lru_cache(maxsize=1)
def current() -> PresenceStore:
    """The presence store of this process."""
    if _is_redis():
        return RedisStore(settings.REDIS_URL, shows_keys=settings.PRESENCE_SEED_KEYS)
    return MemoryStore()


def is_shared_by_all() -> bool:
    """Whether whoever sweeps sees what every process has heard."""
    return _is_redis() or settings.HOMEPOT_MODE != "production"


def shows_keys() -> bool:
    """Whether others read from the store how devices stand."""
    return _is_redis() and bool(settings.PRESENCE_SEED_KEYS)


def _is_redis() -> bool:
    backend = settings.PRESENCE_BACKEND
    if backend not in _BACKENDS:
        raise ImproperlyConfigured(f"PRESENCE_BACKEND is one of {', '.join(_BACKENDS)}.")
    if backend == "redis" and not settings.REDIS_URL:
        raise ImproperlyConfigured("PRESENCE_BACKEND=redis needs REDIS_URL.")
    return backend == "redis" or (backend == "auto" and bool(settings.REDIS_URL))
