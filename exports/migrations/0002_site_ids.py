"""A file says of which sites it was made."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A file says of which sites it was made."""

    dependencies = [("exports", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="export", name="site_ids", field=models.JSONField(null=True)
        ),
    ]
