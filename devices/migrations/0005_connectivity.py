"""The connectivity log, its episodes and outages, timeouts, and maintenance windows."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F

from kernel import row_security
from kernel.row_policies import ForceRowSecurity

_CHUNK = 1_000


def begin_log(apps, schema_editor):
    """Devices that were heard before there was a log are known since they were last heard."""
    presence = apps.get_model("devices", "DevicePresence")
    log = apps.get_model("devices", "DeviceConnection")
    # Beginning the connectivity log, once, for the devices of all tenants.
    with row_security.platform_scope("devices.connectivity_migration"):
        heard = presence.objects.filter(last_seen_at__isnull=False)
        heard.update(changed_at=F("last_seen_at"), known_since=F("last_seen_at"))
        heard.filter(is_online=True).update(contact=1, contact_at=F("last_seen_at"))
        rows = heard.filter(is_online=True).values_list("device_id", "tenant_id", "last_seen_at")
        log.objects.bulk_create(
            [
                log(
                    device_id=device_id,
                    tenant_id=tenant_id,
                    contact=1,
                    kind="CONNECTED",
                    reason="log_began",
                    wire="websocket",
                    at=at,
                )
                for device_id, tenant_id, at in rows
            ],
            batch_size=_CHUNK,
        )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_row_security'),
        ('devices', '0004_row_security'),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='offline_after_s',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='device',
            name='poll_interval_s',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='devicepresence',
            name='changed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='devicepresence',
            name='contact',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='devicepresence',
            name='contact_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='devicepresence',
            name='is_flapping',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='devicepresence',
            name='known_since',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='devicepresence',
            name='offline_after_s',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.CreateModel(
            name='DeviceConnection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant_id', models.BigIntegerField(null=True)),
                ('contact', models.PositiveBigIntegerField()),
                ('kind', models.CharField(choices=[('CONNECTED', 'Connected'), ('DISCONNECTED', 'Disconnected')], max_length=12)),
                ('reason', models.CharField(max_length=40)),
                ('session_epoch', models.PositiveBigIntegerField(null=True)),
                ('wire', models.CharField(choices=[('websocket', 'Websocket'), ('mqtt', 'Mqtt'), ('http', 'Http')], max_length=10)),
                ('address', models.CharField(blank=True, max_length=45)),
                ('at', models.DateTimeField()),
                ('duration_s', models.FloatField(null=True)),
                ('device', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.device')),
            ],
            options={
                'indexes': [models.Index(fields=['at'], name='connection_by_time')],
                'constraints': [models.UniqueConstraint(fields=('device', 'contact', 'kind'), name='connection_once')],
            },
        ),
        migrations.CreateModel(
            name='FlapEpisode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant_id', models.BigIntegerField(null=True)),
                ('count', models.PositiveIntegerField()),
                ('began_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('device', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.device')),
            ],
            options={
                'indexes': [models.Index(fields=['device', 'last_at'], name='flap_episode_by_device'), models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['last_at'], name='flap_episode_open')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('device',), name='one_open_flap_episode')],
            },
        ),
        migrations.CreateModel(
            name='MaintenanceWindow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(max_length=16, unique=True)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField()),
                ('created_by', models.CharField(blank=True, max_length=200)),
                ('device', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.device')),
                ('site', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.site')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'ends_at'], name='maintenance_by_tenant')],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='maintenance_window_ends')],
            },
        ),
        migrations.CreateModel(
            name='PresencePolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(max_length=16, unique=True)),
                ('device_class', models.CharField(choices=[('relay_controller', 'Relay Controller'), ('ir_hub', 'Ir Hub'), ('sensor_hub', 'Sensor Hub'), ('hybrid', 'Hybrid'), ('server', 'Server'), ('pos_terminal', 'Pos Terminal'), ('other', 'Other')], max_length=32)),
                ('offline_after_s', models.PositiveIntegerField()),
                ('created_at', models.DateTimeField()),
                ('changed_at', models.DateTimeField()),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'verbose_name_plural': 'presence policies',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'device_class'), name='one_presence_policy_of_a_class'), models.CheckConstraint(condition=models.Q(('offline_after_s__gte', 10), ('offline_after_s__lte', 86400)), name='presence_policy_in_range')],
            },
        ),
        migrations.CreateModel(
            name='SiteOutage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant_id', models.BigIntegerField()),
                ('began_at', models.DateTimeField()),
                ('noticed_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('lost', models.PositiveIntegerField()),
                ('total', models.PositiveIntegerField()),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.site')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', '-began_at'], name='site_outage_by_tenant')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('site',), name='one_open_site_outage')],
            },
        ),
        ForceRowSecurity("DeviceConnection"),
        ForceRowSecurity("FlapEpisode"),
        ForceRowSecurity("SiteOutage"),
        ForceRowSecurity("PresencePolicy"),
        ForceRowSecurity("MaintenanceWindow"),
        migrations.RunPython(begin_log, migrations.RunPython.noop),
    ]
