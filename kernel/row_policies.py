"""Migration operations that put a table under forced row-level security."""

from __future__ import annotations

from typing import Any

from django.db.migrations.operations.base import Operation

_PLATFORM = "(SELECT homepot_platform())"
_TENANTS = "ANY ((SELECT homepot_tenants())::bigint[])"

FUNCTIONS = """
CREATE OR REPLACE FUNCTION homepot_tenants() RETURNS bigint[]
LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT string_to_array(nullif(current_setting('app.tenant_id', true), ''), ',')::bigint[] $$;
CREATE OR REPLACE FUNCTION homepot_platform() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce(current_setting('app.platform', true), '') <> '' $$;
"""


class MakeScopeFunctions(Operation):
    """Make the two functions that policies read the scope with; they are evaluated once a query."""

    reversible = True

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Nothing that models know of."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Make them, on PostgreSQL."""
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(FUNCTIONS)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Drop them."""
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute("DROP FUNCTION homepot_tenants()")
            schema_editor.execute("DROP FUNCTION homepot_platform()")


class ForceRowSecurity(Operation):
    """Let only rows through that the policy finds within the scope, for the owner role too.

    `column` names the tenant's key in the table. A table without one gives `through`: the column
    that refers to a parent table under its own policy, and that table.
    """

    reversible = True

    def __init__(
        self,
        model_name: str,
        *,
        column: str = "tenant_id",
        also: str = "",
        through: tuple[str, str] | None = None,
    ) -> None:
        self.model_name = model_name
        self.column = column
        self.also = also
        self.through = through

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """For Django, which writes operations down."""
        return (
            type(self).__name__,
            [self.model_name],
            {"column": self.column, "also": self.also, "through": self.through},
        )

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Nothing that models know of."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Enable, force, and add the policy, on PostgreSQL."""
        if schema_editor.connection.vendor != "postgresql":
            return
        table = to_state.apps.get_model(app_label, self.model_name)._meta.db_table
        rule = f"{_PLATFORM} OR {self._rule(table)}"
        schema_editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        schema_editor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        schema_editor.execute(
            f"CREATE POLICY tenant_scope ON {table} USING ({rule}) WITH CHECK ({rule})"
        )

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Drop the policy and the protection."""
        if schema_editor.connection.vendor != "postgresql":
            return
        table = from_state.apps.get_model(app_label, self.model_name)._meta.db_table
        schema_editor.execute(f"DROP POLICY tenant_scope ON {table}")
        schema_editor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        schema_editor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")

    def describe(self) -> str:
        """For `migrate --plan`."""
        return f"Force row-level security on {self.model_name}"

    def _rule(self, table: str) -> str:
        if self.through is None:
            columns = [self.column, self.also] if self.also else [self.column]
            return " OR ".join(f"{column} = {_TENANTS}" for column in columns)
        reference, parent = self.through
        # The parent's own policy holds inside: what is not seen there is not seen here.
        # Names come from migrations only.
        return f"EXISTS (SELECT 1 FROM {parent} WHERE {parent}.id = {table}.{reference})"  # noqa: S608
