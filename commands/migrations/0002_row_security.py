"""Row-level security for the tables of this app."""

from django.db import migrations

from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):
    dependencies = [("commands", "0001_initial"), ("kernel", "0002_row_security")]

    operations = [
        ForceRowSecurity("Command"),
        ForceRowSecurity("CommandEvent", through=("command_id", "commands_command")),
    ]
