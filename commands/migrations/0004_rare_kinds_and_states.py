"""Lists of commands of a rare kind or state look at those only."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('commands', '0003_whole_ledger'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='command',
            index=models.Index(condition=models.Q(('kind', 'set_relay'), _negated=True), fields=['tenant', 'kind', '-id'], name='command_by_rare_kind'),
        ),
        migrations.AddIndex(
            model_name='command',
            index=models.Index(condition=models.Q(('state__in', ['failed', 'rejected', 'expired', 'cancelled', 'superseded', 'timed_out'])), fields=['tenant', 'state', '-id'], name='command_by_rare_state'),
        ),
    ]
