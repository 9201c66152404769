"""Row-level security for the tables of this app."""

from django.db import migrations

from kernel.row_policies import ForceRowSecurity, MakeScopeFunctions


class Migration(migrations.Migration):
    dependencies = [("kernel", "0001_initial")]

    operations = [
        MakeScopeFunctions(),
        ForceRowSecurity("LiveStream"),
        ForceRowSecurity("LiveEvent"),
    ]
