"""Which numbers of a device's boots are stored already."""

from __future__ import annotations

from django.db import models

from kernel.scoping import TenantManager


class ReadingWindow(models.Model):
    """The numbers of one boot of a device that are stored, of one block of numbers.

    `seen` is a bit for each number of the block, the lowest first, without the zeros at its end.
    """

    device = models.ForeignKey(
        "devices.Device",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    boot_id = models.CharField(max_length=64)
    block = models.BigIntegerField()
    pk = models.CompositePrimaryKey("device_id", "boot_id", "block")
    tenant_id = models.BigIntegerField(null=True)
    # Not indexed: a window changes with each flush, and so stays where it is in its page.
    changed_at = models.DateTimeField()
    seen = models.BinaryField()

    objects = TenantManager()

    def __str__(self) -> str:
        return f"window {self.boot_id}/{self.block} of device {self.device_id}"
