"""Row-level security for the tables of this app."""

from django.db import migrations

from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    dependencies = [("devices", "0003_carry_over"), ("kernel", "0002_row_security")]

    operations = [
        ForceRowSecurity("Device"),
        ForceRowSecurity("DeviceSession"),
        ForceRowSecurity("DevicePresence"),
        ForceRowSecurity("DeviceCapability"),
        ForceRowSecurity("DeviceEvent"),
        ForceRowSecurity("DeviceCredential", through=("device_id", "devices_device")),
        ForceRowSecurity("ClaimCode", through=("device_id", "devices_device")),
        ForceRowSecurity("Site"),
        ForceRowSecurity("ProvisioningKey"),
        ForceRowSecurity("DeviceTransfer", also="to_tenant_id"),
        ForceRowSecurity("Enrolment"),
        ForceRowSecurity("EnrolmentRow"),
        ForceRowSecurity("DeviceErasure"),
    ]
