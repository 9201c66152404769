"""Statements of the hot paths, written by the ORM once and bound many times.

The ORM spends ten times longer on writing a statement than SQLite or PostgreSQL on running it.
Here a queryset is turned into SQL once per connection, with `Slot`s where values go; after that
a call binds the values, executes, and makes the same rows or model instances. What is asked for
is still a queryset: scopes, locks and columns are where they always are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import psycopg
from django.core.exceptions import EmptyResultSet
from django.db import connection, models, transaction
from django.db.models import sql
from django.db.models.query import ValuesListIterable, get_related_populators

_ROWS_PER_INSERT = 100
# Far below zero, where no key of a row is.
_FIRST_KEY_SLOT = -(2**62)
_KEY_SLOTS = 1_000_000
_NEVER_BY_ITSELF = 1_000_000_000
M = TypeVar("M", bound=models.Model)


class Slot(models.Value):
    """The place of a value that each call brings; `field` says how it goes into the database."""

    def __init__(self, name: str, field: models.Field[Any, Any] | None = None) -> None:
        # Not the field itself: a JSONField would take the empty value for the one to store.
        super().__init__(None, output_field=models.IntegerField())
        self.name = name
        self.field_of_value = field

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """A placeholder, and itself as the parameter that `_bind` replaces."""
        return "%s", [self]

    def bound(self, values: dict[str, Any]) -> Any:
        """The value of a call, as the database driver takes it."""
        value = values[self.name]
        if self.field_of_value is None:
            return value
        return self.field_of_value.get_db_prep_save(value, connection)


def key_slot(position: int) -> int:
    """The slot `key_<position>`, for lookups that take numbers only (`tenant_id__in`)."""
    return _FIRST_KEY_SLOT + position


class _PreparedCursor(psycopg.Cursor[Any]):
    """Has PostgreSQL parse and plan a statement once per connection."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Run the statement, prepared."""
        return super().execute(query, params, **{**options, "prepare": True})


def prepared_cursor() -> Any:
    """A cursor of the present connection that prepares, with everything Django hangs on it."""
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.connection.prepare_threshold is None:
            # Django switches preparing off; this allows it for those who ask, and nobody else.
            connection.connection.prepare_threshold = _NEVER_BY_ITSELF
        raw = _PreparedCursor(connection.connection)
    return connection._prepare_cursor(raw)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class _Written:
    """A statement with its parameters, some of them slots."""

    text: str
    parameters: tuple[Any, ...]
    make_rows: Callable[[Any], list[Any]]

    def execute(self, values: dict[str, Any]) -> Any:
        parameters = [
            part.bound(values) if isinstance(part, Slot) else part for part in self.parameters
        ]
        cursor = prepared_cursor()
        cursor.execute(self.text, parameters)
        return cursor


class Select:
    """A reading queryset; `build` makes it with slots, for each kind of call once."""

    def __init__(self, build: Callable[..., models.QuerySet[Any, Any]]) -> None:
        self._build = build

    def rows(self, *kind: Hashable, **values: Any) -> list[Any]:
        """What the queryset finds with these values; `kind` are the arguments of `build`."""
        written = _written(self, kind, lambda: _write_select(self._build(*kind)))
        if not written.text:
            return []
        with written.execute(values) as cursor:
            found = cursor.fetchall()
        return written.make_rows(found)

    def first(self, *kind: Hashable, **values: Any) -> Any:
        """The first of the rows, or None."""
        found = self.rows(*kind, **values)
        return found[0] if found else None


class Update:
    """An updating queryset; the columns it sets are those of the call."""

    def __init__(self, build: Callable[[], models.QuerySet[Any, Any]]) -> None:
        self._build = build

    def run(self, *, where: dict[str, Any], **columns: Any) -> int:
        """Set the columns in the rows that fit; returns how many there were."""
        names = tuple(columns)
        written = _written(self, names, lambda: _write_update(self._build(), names))
        bound = {f"set_{name}": value for name, value in columns.items()} | where
        # An error in a write spoils the transaction, as the ORM has it.
        with (
            transaction.mark_for_rollback_on_error(using=connection.alias),
            written.execute(bound) as cursor,
        ):
            return int(cursor.rowcount)


class Insert(Generic[M]):
    """Inserts new instances of a model with all their columns, keys being made."""

    def __init__(self, model: type[M]) -> None:
        self._model = model
        self._fields = [field for field in model._meta.concrete_fields if not field.primary_key]

    def one(self, instance: M) -> M:
        """Insert and return the instance, with its key."""
        (key,) = self._run([instance], is_returning=True)[0]
        instance.pk = key
        instance._state.adding = False
        instance._state.db = connection.alias
        return instance

    def many(self, instances: Sequence[M]) -> None:
        """Insert, up to 100 with each statement; the instances do not learn their keys."""
        for start in range(0, len(instances), _ROWS_PER_INSERT):
            self._run(instances[start : start + _ROWS_PER_INSERT], is_returning=False)

    def _run(self, instances: Sequence[M], *, is_returning: bool) -> list[Any]:
        kind = (len(instances), is_returning)
        written = _written(self, kind, lambda: self._write(*kind))
        parameters = [
            field.get_db_prep_save(field.pre_save(instance, True), connection)
            for instance in instances
            for field in self._fields
        ]
        with (
            transaction.mark_for_rollback_on_error(using=connection.alias),
            prepared_cursor() as cursor,
        ):
            cursor.execute(written.text, parameters)
            return cursor.fetchall() if is_returning else []

    def _write(self, count: int, is_returning: bool) -> _Written:
        quote = connection.ops.quote_name
        options = self._model._meta
        columns = ", ".join(quote(str(field.column)) for field in self._fields)
        row = f"({', '.join(['%s'] * len(self._fields))})"
        rows = ", ".join([row] * count)
        # Names from the model only; every value is a parameter.
        text = f"INSERT INTO {quote(options.db_table)} ({columns}) VALUES {rows}"  # noqa: S608
        if is_returning and options.pk is not None:
            text += f" RETURNING {quote(str(options.pk.column))}"
        return _Written(text, (), list)


def _written(owner: object, kind: tuple[Hashable, ...], write: Callable[[], _Written]) -> _Written:
    # With the connection, because what turns its values into Python's belongs to it.
    cache: dict[Any, _Written] = connection.__dict__.setdefault("homepot_compiled", {})
    found = cache.get((owner, kind))
    if found is None:
        found = cache[(owner, kind)] = write()
    return found


def _write_select(queryset: models.QuerySet[Any, Any]) -> _Written:
    compiler = queryset.query.get_compiler(connection=connection)
    try:
        text, parameters = compiler.as_sql()
    except EmptyResultSet:
        # A scope without tenants: there is nothing to ask the database.
        return _Written("", (), list)
    converters = compiler.get_converters([entry[0] for entry in compiler.select])
    # `values_list()` gives rows as they come; everything else here is instances.
    is_rows = queryset._iterable_class is ValuesListIterable
    make = _tuples if is_rows else _instances(compiler)

    def make_rows(found: list[Any]) -> list[Any]:
        converted = compiler.apply_converters(found, converters) if converters else found
        return make(converted)

    return _Written(text, tuple(map(_as_slot, parameters)), make_rows)


def _as_slot(parameter: Any) -> Any:
    if isinstance(parameter, int) and 0 <= parameter - _FIRST_KEY_SLOT < _KEY_SLOTS:
        return Slot(f"key_{parameter - _FIRST_KEY_SLOT}")
    return parameter


def _tuples(rows: Any) -> list[Any]:
    return [tuple(row) for row in rows]


def _instances(compiler: Any) -> Callable[[Any], list[Any]]:
    """Model instances with related objects and annotations, as a queryset makes them."""
    info, select, alias = compiler.klass_info, compiler.select, compiler.connection.alias
    first, last = info["select_fields"][0], info["select_fields"][-1] + 1
    names = [entry[0].target.attname for entry in select[first:last]]
    populators = get_related_populators(info, select, alias)  # type: ignore[call-arg]
    annotations = tuple(compiler.annotation_col_map.items())

    def make(rows: Any) -> list[Any]:
        return [_instance(tuple(row)) for row in rows]

    def _instance(row: tuple[Any, ...]) -> Any:
        instance = info["model"].from_db(alias, names, row[first:last])
        for populator in populators:
            populator.populate(row, instance)
        for name, column in annotations:
            setattr(instance, name, row[column])
        return instance

    return make


def _write_update(queryset: models.QuerySet[Any, Any], names: tuple[str, ...]) -> _Written:
    model = queryset.model
    query: Any = queryset.query.chain(sql.UpdateQuery)
    query.add_update_values(
        {name: Slot(f"set_{name}", model._meta.get_field(name)) for name in names}
    )
    text, parameters = query.get_compiler(connection=connection).as_sql()
    return _Written(text, tuple(parameters), list)
