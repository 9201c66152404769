"""Row-level security for the tables of this app."""

from django.db import migrations

from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_tenants_and_erasure"),
        ("kernel", "0002_row_security"),
    ]

    operations = [
        ForceRowSecurity("Tenant", column="id"),
        ForceRowSecurity("Membership"),
        ForceRowSecurity("Invitation"),
    ]
