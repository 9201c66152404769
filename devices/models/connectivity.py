"""What is remembered of connections: the log, episodes, outages, and what people agreed on."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from devices.choices import ConnectionKind, DeviceClass, Wire
from kernel.scoping import TenantManager

SHORTEST_TIMEOUT_S = 10
LONGEST_TIMEOUT_S = 86_400


class DeviceConnection(models.Model):
    """One line of the connectivity log: a contact of a device began or ended; never changed.

    `contact` numbers what is between a CONNECTED and its DISCONNECTED, whatever the wire: a
    device over HTTP has contacts without sessions, and a session that was taken for gone and
    comes back has two. Order is by contact, not by clock.
    """

    # No device is ever deleted: to look each of 100,000 up again would find nothing out.
    device = models.ForeignKey(
        "devices.Device",
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    tenant_id = models.BigIntegerField(null=True)
    contact = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=12, choices=ConnectionKind.choices)
    reason = models.CharField(max_length=40)
    # None over HTTP, where there is no session.
    session_epoch = models.PositiveBigIntegerField(null=True)
    wire = models.CharField(max_length=10, choices=Wire.choices)
    address = models.CharField(max_length=45, blank=True)
    at = models.DateTimeField()
    # How long the contact had lasted, at its end.
    duration_s = models.FloatField(null=True)

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "contact", "kind"], name="connection_once")
        ]
        indexes: ClassVar = [
            # For what looks at everybody's last minute: outages, and the end of the log.
            models.Index(fields=["at"], name="connection_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.contact} of device {self.device_id}"


class FlapEpisode(models.Model):
    """A time in which a device came and went so often that only the log tells each change."""

    device = models.ForeignKey(
        "devices.Device", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    tenant_id = models.BigIntegerField(null=True)
    count = models.PositiveIntegerField()
    began_at = models.DateTimeField()
    last_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device"], condition=Q(ended_at__isnull=True), name="one_open_flap_episode"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["device", "last_at"], name="flap_episode_by_device"),
            models.Index(
                fields=["last_at"], condition=Q(ended_at__isnull=True), name="flap_episode_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} changes of device {self.device_id}"


class SiteOutage(models.Model):
    """Nearly all devices of a site were lost within a minute: one thing, not forty."""

    tenant_id = models.BigIntegerField()
    site = models.ForeignKey("devices.Site", on_delete=models.CASCADE, related_name="+")
    began_at = models.DateTimeField()
    noticed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    lost = models.PositiveIntegerField()
    # Devices that were connected when it began.
    total = models.PositiveIntegerField()

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["site"], condition=Q(ended_at__isnull=True), name="one_open_site_outage"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "-began_at"], name="site_outage_by_tenant"),
        ]

    def __str__(self) -> str:
        return f"outage of site {self.site_id}: {self.lost} of {self.total}"


class PresencePolicy(models.Model):
    """After how much silence the devices of a class of a tenant count as offline."""

    uid = models.CharField(max_length=16, unique=True)
    tenant = models.ForeignKey("accounts.Tenant", on_delete=models.PROTECT, related_name="+")
    device_class = models.CharField(max_length=32, choices=DeviceClass.choices)
    offline_after_s = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        verbose_name_plural = "presence policies"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "device_class"], name="one_presence_policy_of_a_class"
            ),
            models.CheckConstraint(
                condition=Q(
                    offline_after_s__gte=SHORTEST_TIMEOUT_S, offline_after_s__lte=LONGEST_TIMEOUT_S
                ),
                name="presence_policy_in_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_class} of tenant {self.tenant_id}: {self.offline_after_s} s"


class MaintenanceWindow(models.Model):
    """A time in which absence is no fault: of a device, of a site, or of the whole tenant."""

    uid = models.CharField(max_length=16, unique=True)
    tenant = models.ForeignKey("accounts.Tenant", on_delete=models.PROTECT, related_name="+")
    # Of a window for a device this is where it stood when the window was made.
    site = models.ForeignKey("devices.Site", on_delete=models.CASCADE, null=True, related_name="+")
    device = models.ForeignKey(
        "devices.Device", on_delete=models.CASCADE, null=True, related_name="+"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, blank=True)

    objects = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="maintenance_window_ends"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "ends_at"], name="maintenance_by_tenant"),
        ]

    def __str__(self) -> str:
        return f"maintenance {self.uid}: {self.starts_at} to {self.ends_at}"
