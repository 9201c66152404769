"""Channels, changes, notices and deliveries, each under the policy of its tenant."""

import django.db.models.deletion
import kernel.tokens
from django.conf import settings
from django.db import migrations, models

from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0003_row_security'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Change',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant_id', models.BigIntegerField()),
                ('kind', models.CharField(choices=[('offline', 'Offline'), ('online', 'Online'), ('flapping', 'Flapping'), ('flapping_ended', 'Flapping Ended'), ('site_outage', 'Site Outage'), ('site_outage_ended', 'Site Outage Ended')], max_length=20)),
                ('device_ids', models.JSONField(default=list)),
                ('site_pk', models.BigIntegerField(null=True)),
                ('is_online', models.BooleanField(null=True)),
                ('reason', models.CharField(blank=True, default='', max_length=40)),
                ('count', models.PositiveIntegerField(default=0)),
                ('total', models.PositiveIntegerField(default=0)),
                ('began_at', models.DateTimeField(null=True)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=kernel.tokens.new_public_id, editable=False, max_length=16, unique=True)),
                ('transport', models.CharField(choices=[('webhook', 'Webhook'), ('email', 'Email')], max_length=8)),
                ('name', models.CharField(max_length=100)),
                ('url', models.CharField(blank=True, default='', max_length=2000)),
                ('email', models.CharField(blank=True, default='', max_length=254)),
                ('state', models.CharField(choices=[('unconfirmed', 'Unconfirmed'), ('active', 'Active'), ('paused', 'Paused'), ('disabled', 'Disabled')], default='active', max_length=11)),
                ('state_reason', models.CharField(blank=True, default='', max_length=40)),
                ('topics', models.JSONField(default=list)),
                ('sites', models.JSONField(default=list)),
                ('devices', models.JSONField(default=list)),
                ('device_classes', models.JSONField(default=list)),
                ('includes_simulated', models.BooleanField(default=False)),
                ('after_s', models.PositiveIntegerField(default=60)),
                ('window_s', models.PositiveIntegerField(default=30)),
                ('quiet_hours', models.JSONField(null=True)),
                ('sealed_secret', models.BinaryField(null=True)),
                ('sealed_former_secret', models.BinaryField(null=True)),
                ('former_secret_until', models.DateTimeField(null=True)),
                ('failing_since', models.DateTimeField(null=True)),
                ('version', models.PositiveBigIntegerField(default=1)),
                ('created_at', models.DateTimeField()),
                ('created_by', models.CharField(blank=True, default='', max_length=200)),
                ('changed_at', models.DateTimeField()),
                ('created_by_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(max_length=24, unique=True)),
                ('tenant_id', models.BigIntegerField()),
                ('purpose', models.CharField(choices=[('changes', 'Changes'), ('test', 'Test'), ('confirm', 'Confirm'), ('disabled', 'Disabled')], max_length=8)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('sending', 'Sending'), ('failed', 'Failed'), ('delivered', 'Delivered'), ('dead', 'Dead'), ('dropped', 'Dropped')], default='pending', max_length=9)),
                ('count', models.PositiveIntegerField(default=0)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('next_at', models.DateTimeField(null=True)),
                ('lease', models.CharField(blank=True, default='', max_length=24)),
                ('lease_until', models.DateTimeField(null=True)),
                ('last_status', models.PositiveIntegerField(null=True)),
                ('last_error', models.CharField(blank=True, default='', max_length=200)),
                ('finished_at', models.DateTimeField(null=True)),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='notifications.channel')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(max_length=24, unique=True)),
                ('tenant_id', models.BigIntegerField()),
                ('kind', models.CharField(choices=[('offline', 'Offline'), ('online', 'Online'), ('flapping', 'Flapping'), ('flapping_ended', 'Flapping Ended'), ('site_outage', 'Site Outage'), ('site_outage_ended', 'Site Outage Ended')], max_length=20)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('folded', 'Folded'), ('batched', 'Batched'), ('withdrawn', 'Withdrawn')], default='waiting', max_length=9)),
                ('state_reason', models.CharField(blank=True, default='', max_length=40)),
                ('device_id', models.BigIntegerField(null=True)),
                ('site_pk', models.BigIntegerField(null=True)),
                ('says_online', models.BooleanField(null=True)),
                ('at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('facts', models.JSONField(default=dict)),
                ('dedupe', models.CharField(max_length=100)),
                ('created_at', models.DateTimeField()),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='notifications.channel')),
                ('delivery', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='notifications.delivery')),
            ],
        ),
        migrations.AddIndex(
            model_name='channel',
            index=models.Index(fields=['tenant', 'id'], name='channel_by_tenant'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('transport', 'email'), ('url', '')), models.Q(('email', ''), ('transport', 'webhook'), ('user__isnull', True), models.Q(('url', ''), _negated=True)), _connector='OR'), name='channel_has_its_address'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state__in', ['pending', 'failed'])), fields=['next_at'], name='delivery_due'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'sending')), fields=['lease_until'], name='delivery_leased'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('finished_at__isnull', False)), fields=['finished_at'], name='delivery_finished'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('next_at__isnull', False), ('state__in', ['pending', 'failed'])), models.Q(('finished_at__isnull', True), ('lease_until__isnull', False), ('state', 'sending')), models.Q(('finished_at__isnull', False), ('state__in', ['delivered', 'dead', 'dropped'])), _connector='OR'), name='delivery_has_a_deadline'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['channel', 'due_at'], name='notice_waiting'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(fields=['device_id', 'channel', 'id'], name='notice_by_device'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(condition=models.Q(('device_id__isnull', True), ('state', 'folded'), _connector='OR'), fields=['site_pk', 'channel', 'id'], name='notice_by_site'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(fields=['created_at'], name='notice_by_time'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.UniqueConstraint(fields=('channel', 'dedupe'), name='notice_once'),
        ),
        ForceRowSecurity("Channel"),
        ForceRowSecurity("Change"),
        ForceRowSecurity("Delivery"),
        ForceRowSecurity("Notice"),
    ]
