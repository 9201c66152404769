"""Models and migrations agree."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


@pytest.mark.core
@pytest.mark.django_db
def test_no_model_change_lacks_its_migration() -> None:
    report = StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=report, stderr=report)
    except SystemExit:
        pytest.fail(report.getvalue())


@pytest.mark.core
@pytest.mark.django_db
def test_every_migration_is_applied_and_each_app_has_one_last_migration() -> None:
    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
    assert executor.loader.detect_conflicts() == {}
