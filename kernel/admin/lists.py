"""Lists whose cost does not grow with their tables: what is counted is counted up to a bound."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.http import HttpRequest

from kernel.admin import filters

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

# Twenty pages: who looks for more has to narrow the search.
COUNTED: Final = 1_000


def counted(rows: Any, bound: int = COUNTED) -> int:
    """How many rows there are, at most one more than the bound; the database reads no more."""
    number: int = rows.order_by().values("pk")[: bound + 1].count()
    return number


class BoundedPaginator(_Paginator):
    """Pages of the first thousand rows."""

    @cached_property
    def found(self) -> int:
        """How many rows there are, at most one more than are paged."""
        ordered: Any = self.object_list
        # In the list's own order: with its index the reading stops at the bound.
        return int(ordered.values("pk")[: COUNTED + 1].count())

    @cached_property
    def count(self) -> int:
        """How many rows are paged."""
        return min(self.found, COUNTED)


class BoundedList(ChangeList):
    """A list that says when there is more than it pages, and whose each row is."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        """What the filters leave; nothing yet of a table that is shown device by device."""
        rows = super().get_queryset(request, exclude_parameters)
        is_asking = getattr(self.model_admin, "needs_device", False)
        return rows.none() if is_asking and not request.GET.get("device") else rows

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the page, and the names of its tenants with one more query."""
        super().get_results(request)
        self.is_cut = bool(getattr(self.paginator, "found", 0) > COUNTED)
        rows = list(self.result_list)
        ids = {row.tenant_id for row in rows if getattr(row, "tenant_id", None)}
        names = filters.tenant_names(ids) if ids else {}
        for row in rows:
            row.owner_name = names.get(getattr(row, "tenant_id", None) or 0, "")
        self.result_list = rows
