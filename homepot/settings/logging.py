"""Structured logs: one JSON object a line in production, plain lines on a console."""

from __future__ import annotations

from typing import Any


def logging_settings(*, level: str, form: str) -> dict[str, Any]:
    """A `logging.config.dictConfig` whose only handler redacts secrets (kernel.logs)."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"redact": {"()": "kernel.logs.RedactingFilter"}},
        "formatters": {
            "json": {"()": "kernel.logs.JSONFormatter"},
            "console": {"()": "kernel.logs.ConsoleFormatter"},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": form,
                "filters": ["redact"],
            },
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django gives these two handlers of its own, which would write past the filter.
            "django": {"level": level, "handlers": []},
            "django.server": {"level": "WARNING", "handlers": [], "propagate": True},
            "django.request": {"level": "ERROR"},
            "django.security": {"level": "WARNING"},
            "uvicorn.access": {"level": "WARNING"},
            "uvicorn.error": {"level": "WARNING"},
            "websockets": {"level": "WARNING"},
        },
    }
