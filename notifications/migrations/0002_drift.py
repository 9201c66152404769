"""Notices about devices that are other than desired for too long."""

from django.db import migrations, models

KINDS = [
    ("offline", "Offline"),
    ("online", "Online"),
    ("flapping", "Flapping"),
    ("flapping_ended", "Flapping Ended"),
    ("site_outage", "Site Outage"),
    ("site_outage_ended", "Site Outage Ended"),
    ("drift", "Drift"),
    ("drift_ended", "Drift Ended"),
]


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="change", name="kind", field=models.CharField(choices=KINDS, max_length=20)
        ),
        migrations.AlterField(
            model_name="notice", name="kind", field=models.CharField(choices=KINDS, max_length=20)
        ),
    ]
