"""Progress, cancelling, kinds of tenants, and one request for many devices."""

import django.db.models.deletion
from django.db import migrations, models

import kernel.uuid7
from kernel.row_policies import ForceRowSecurity


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_row_security'),
        ('commands', '0002_row_security'),
        ('devices', '0007_broker_accounts'),
    ]

    operations = [
        migrations.CreateModel(
            name='BatchMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant_id', models.BigIntegerField()),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('asked', 'Asked'), ('skipped', 'Skipped')], default='pending', max_length=10)),
                ('reason', models.CharField(blank=True, max_length=60)),
            ],
        ),
        migrations.CreateModel(
            name='CommandBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=kernel.uuid7.uuid7, unique=True)),
                ('kind', models.CharField(max_length=40)),
                ('payload', models.JSONField()),
                ('delivery', models.CharField(choices=[('now', 'Now'), ('queue', 'Queue')], max_length=5)),
                ('lifetime_s', models.PositiveIntegerField()),
                ('target', models.JSONField()),
                ('state', models.CharField(choices=[('running', 'Running'), ('paused', 'Paused'), ('done', 'Done'), ('aborted', 'Aborted'), ('cancelled', 'Cancelled')], max_length=10)),
                ('reason', models.CharField(blank=True, max_length=60)),
                ('per_minute', models.PositiveIntegerField(null=True)),
                ('abort_percent', models.PositiveSmallIntegerField(null=True)),
                ('abort_sample', models.PositiveIntegerField(default=10)),
                ('total', models.PositiveIntegerField(default=0)),
                ('cause', models.JSONField(default=list)),
                ('created_by', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField()),
                ('due_at', models.DateTimeField(null=True)),
                ('paused_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='CustomKind',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('title', models.CharField(blank=True, max_length=100)),
                ('schema', models.JSONField(default=dict)),
                ('lifetime_s', models.PositiveIntegerField()),
                ('created_at', models.DateTimeField()),
                ('created_by', models.CharField(blank=True, max_length=200)),
            ],
        ),
        migrations.AddField(
            model_name='command',
            name='cancel_asked_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='command',
            name='cancel_sent_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='command',
            name='progress',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='command',
            name='wire',
            field=models.CharField(blank=True, choices=[('websocket', 'Websocket'), ('mqtt', 'Mqtt'), ('http', 'Http')], default='', max_length=10),
        ),
        migrations.AddIndex(
            model_name='command',
            index=models.Index(fields=['tenant', '-id'], name='command_by_tenant'),
        ),
        migrations.AddField(
            model_name='batchmember',
            name='command',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='batch_member', to='commands.command'),
        ),
        migrations.AddField(
            model_name='batchmember',
            name='device',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.device'),
        ),
        migrations.AddField(
            model_name='commandbatch',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant'),
        ),
        migrations.AddField(
            model_name='batchmember',
            name='batch',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='commands.commandbatch'),
        ),
        migrations.AddField(
            model_name='customkind',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.tenant'),
        ),
        migrations.AddIndex(
            model_name='commandbatch',
            index=models.Index(fields=['tenant', '-id'], name='batch_by_tenant'),
        ),
        migrations.AddIndex(
            model_name='commandbatch',
            index=models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='batch_by_due_time'),
        ),
        migrations.AddIndex(
            model_name='batchmember',
            index=models.Index(fields=['batch', 'state', 'id'], name='batch_member_by_state'),
        ),
        migrations.AddIndex(
            model_name='batchmember',
            index=models.Index(fields=['device'], name='batch_member_by_device'),
        ),
        migrations.AddConstraint(
            model_name='batchmember',
            constraint=models.UniqueConstraint(fields=('batch', 'device'), name='device_once_in_batch'),
        ),
        migrations.AddConstraint(
            model_name='customkind',
            constraint=models.UniqueConstraint(fields=('tenant', 'name'), name='custom_kind_once'),
        ),
        ForceRowSecurity("CommandBatch"),
        ForceRowSecurity("BatchMember"),
        ForceRowSecurity("CustomKind"),
    ]
