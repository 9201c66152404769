"""Routes about batches, below /api/v1/command-batches."""

from django.urls import path

from commands.api import batch_views as views

urlpatterns = [
    path("", views.BatchesView.as_view(), name="command-batches"),
    path("/preview", views.BatchPreviewView.as_view(), name="command-batch-preview"),
    path("/<uuid:batch_id>", views.BatchView.as_view(), name="command-batch"),
    path(
        "/<uuid:batch_id>/members", views.BatchMembersView.as_view(), name="command-batch-members"
    ),
    path("/<uuid:batch_id>/pause", views.BatchPauseView.as_view(), name="command-batch-pause"),
    path("/<uuid:batch_id>/resume", views.BatchResumeView.as_view(), name="command-batch-resume"),
    path("/<uuid:batch_id>/cancel", views.BatchCancelView.as_view(), name="command-batch-cancel"),
]
