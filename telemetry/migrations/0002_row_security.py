"""Row-level security for the tables of this app."""

from django.db import migrations

from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0001_initial"), ("kernel", "0002_row_security")]

    operations = [
        ForceRowSecurity("Reading"),
        ForceRowSecurity("LatestMetrics"),
    ]
