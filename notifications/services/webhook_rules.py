"""What the settings of this installation allow webhooks to reach."""

from __future__ import annotations

from django.conf import settings

from notifications.webhook_addresses import Rules, rules_from


def rules_in_force() -> Rules:
    """The rules that the settings mean now."""
    return rules_from(
        networks=settings.WEBHOOK_ALLOW_NETWORKS,
        ports=[int(port) for port in settings.WEBHOOK_PORTS],
        allows_http=settings.WEBHOOK_ALLOW_HTTP,
    )
