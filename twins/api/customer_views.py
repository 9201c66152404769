"""The same routes under the addresses that customers' programs know."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view

from twins.api import revision_views, views


@extend_schema_view(get=extend_schema(operation_id="customer_twin_get"))
class CustomerTwinView(views.DeviceTwinView):
    """As `/devices/{uid}/twin`."""


@extend_schema_view(
    patch=extend_schema(operation_id="customer_twin_desired_patch"),
    put=extend_schema(operation_id="customer_twin_desired_replace"),
)
class CustomerDesiredView(views.DesiredView):
    """As `/devices/{uid}/twin/desired`."""


@extend_schema_view(patch=extend_schema(operation_id="customer_twin_reported_patch"))
class CustomerReportedView(views.ReportedView):
    """As `/devices/{uid}/twin/reported`."""


@extend_schema_view(get=extend_schema(operation_id="customer_twin_delta"))
class CustomerDeltaView(views.DeltaView):
    """As `/devices/{uid}/twin/delta`."""


@extend_schema_view(get=extend_schema(operation_id="customer_twin_diff"))
class CustomerDiffView(views.DiffView):
    """As `/devices/{uid}/twin/diff`."""


@extend_schema_view(get=extend_schema(operation_id="customer_twin_revision_list"))
class CustomerRevisionsView(revision_views.RevisionsView):
    """As `/devices/{uid}/twin/revisions`."""


@extend_schema_view(get=extend_schema(operation_id="customer_twin_revision_get"))
class CustomerRevisionView(views.RevisionView):
    """As `/devices/{uid}/twin/revisions/{version}`."""


@extend_schema_view(post=extend_schema(operation_id="customer_twin_revision_restore"))
class CustomerRestoreView(views.RestoreView):
    """As `/devices/{uid}/twin/revisions/{version}/restore`."""
