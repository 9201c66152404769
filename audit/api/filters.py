"""What a reader of the audit log may ask for."""

from __future__ import annotations

import django_filters

from audit.models import AuditEntry


class AuditFilter(django_filters.FilterSet):
    """Exact matches, and a span of time."""

    action = django_filters.CharFilter()
    target_type = django_filters.CharFilter()
    target_id = django_filters.CharFilter()
    request_id = django_filters.CharFilter()
    actor = django_filters.CharFilter(field_name="actor_id")
    since = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = AuditEntry
        fields: tuple[str, ...] = ()
