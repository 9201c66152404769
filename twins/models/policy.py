"""What a tenant has set about its twins."""

from __future__ import annotations

from typing import Any, Final

from django.db import models

from kernel.scoping import TenantManager

DEFAULT_ALERT_AFTER_S: Final = 3_600


class TwinPolicy(models.Model):
    """A tenant's settings about twins; one without a row has the defaults."""

    tenant = models.OneToOneField(
        "accounts.Tenant", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    # People always name the version they change; whether machines must too.
    machines_need_if_match = models.BooleanField(default=False)
    # How long a device may drift before somebody is told; 0: nobody is.
    drift_alert_after_s = models.PositiveIntegerField(default=DEFAULT_ALERT_AFTER_S)
    changed_at = models.DateTimeField()

    objects = TenantManager[Any]()

    class Meta:
        verbose_name_plural = "twin policies"

    def __str__(self) -> str:
        return f"twin policy of tenant {self.tenant_id}"
