"""Row-level security for the tables of this app."""

from django.db import migrations

from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only"), ("kernel", "0002_row_security")]

    operations = [
        # The platform's own chain is number 0, which only its administrators have in their scope.
        ForceRowSecurity("AuditEntry", column="chain_id"),
    ]
