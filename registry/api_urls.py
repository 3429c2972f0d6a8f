"""REST routes of the registry, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from registry import api, brain_api
from registry.aliases import activating_api as activating
from registry.aliases import api as aliases
from registry.audit.api import AuditList
from registry.bundles.api import BundleList, ModelBundle
from registry.comparing.api import CompareVersions
from registry.deleting.api import ModelDeletion, VersionDeletion
from registry.hosts.api import WorkerList
from registry.jobs import api as jobs
from registry.performance.api import Performance
from registry.retention.api import ModelRetention, Retention
from registry.searching.api import FoundVersions
from registry.serving.api import Predict, PredictEnsemble, PredictionList, PredictionOfRequest
from registry.versions import api as versions
from registry.versions.upload_api import Upload
from registry.webhooks import api as webhooks

urlpatterns = [
    path("openapi.json", api.OpenAPIDocument.as_view(), name="api-openapi"),
    path("predict", Predict.as_view(), name="api-predict"),
    path("predict/ensemble", PredictEnsemble.as_view(), name="api-predict-ensemble"),
    path("predictions", PredictionList.as_view(), name="api-predictions"),
    path("predictions/<str:request_id>", PredictionOfRequest.as_view(), name="api-prediction"),
    path("predict/jobs", jobs.PredictJobs.as_view(), name="api-predict-jobs"),
    path("jobs", jobs.JobList.as_view(), name="api-jobs"),
    path("jobs/<uuid:job_id>", jobs.JobDetail.as_view(), name="api-job"),
    path("jobs/<uuid:job_id>/result", jobs.JobResultFile.as_view(), name="api-job-result"),
    path("jobs/<uuid:job_id>/cancel", jobs.CancelJob.as_view(), name="api-job-cancel"),
    path("jobs/<uuid:job_id>/retry", jobs.RetryJob.as_view(), name="api-job-retry"),
    path("workers", WorkerList.as_view(), name="api-workers"),
    path("models", api.ModelList.as_view(), name="api-models"),
    path("versions", FoundVersions.as_view(), name="api-found-versions"),
    path("compare/versions", CompareVersions.as_view(), name="api-compare-versions"),
    path("models/<slug:name>", api.ModelDetail.as_view(), name="api-model"),
    path("models/<slug:name>/versions", versions.Versions.as_view(), name="api-versions"),
    path(
        "models/<slug:name>/versions/<str:number>", api.VersionDetail.as_view(), name="api-version"
    ),
    path(
        "models/<slug:name>/versions/<str:number>/download",
        api.VersionDownload.as_view(),
        name="api-version-download",
    ),
    path(
        "models/<slug:name>/versions/<str:number>/card",
        versions.VersionCardDetail.as_view(),
        name="api-version-card",
    ),
    path(
        "models/<slug:name>/versions/<str:number>/status",
        versions.VersionStatusDetail.as_view(),
        name="api-version-status",
    ),
    path(
        "models/<slug:name>/versions/<str:number>/checks",
        versions.CheckList.as_view(),
        name="api-checks",
    ),
    path(
        "models/<slug:name>/versions/<str:number>/exports",
        versions.ExportList.as_view(),
        name="api-exports",
    ),
    path(
        "models/<slug:name>/versions/<str:number>/exports/<slug:form>",
        versions.ExportDownload.as_view(),
        name="api-export-download",
    ),
    path("upload", Upload.as_view(), name="api-upload"),
    path("models/<slug:name>/live", versions.LiveAt.as_view(), name="api-live"),
    path("audit", AuditList.as_view(), name="api-audit"),
    path("models/<slug:name>/aliases", aliases.AliasList.as_view(), name="api-aliases"),
    path("models/<slug:name>/aliases/<str:alias>", aliases.AliasDetail.as_view(), name="api-alias"),
    path("models/<slug:name>/alias-moves", aliases.AliasMoveList.as_view(), name="api-alias-moves"),
    path("deploy/<str:version_id>", activating.Deploy.as_view(), name="api-deploy"),
    path("rollback/<slug:name>", activating.RollBack.as_view(), name="api-rollback"),
    path("performance/<slug:name>", Performance.as_view(), name="api-performance"),
    path("brains", brain_api.BrainList.as_view(), name="api-brains"),
    path("brains/validate", brain_api.BrainValidation.as_view(), name="api-brain-validate"),
    path("brains/<slug:name>", brain_api.BrainDetail.as_view(), name="api-brain"),
    path(
        "brains/<slug:name>/diff/<slug:other>",
        brain_api.BrainDiff.as_view(),
        name="api-brain-diff",
    ),
    path("bundles", BundleList.as_view(), name="api-bundles"),
    path("models/<slug:name>/bundle", ModelBundle.as_view(), name="api-bundle"),
    path("models/<slug:name>/deletion", ModelDeletion.as_view(), name="api-model-deletion"),
    path(
        "models/<slug:name>/versions/<str:number>/deletion",
        VersionDeletion.as_view(),
        name="api-version-deletion",
    ),
    path("retention", Retention.as_view(), name="api-retention"),
    path("models/<slug:name>/retention", ModelRetention.as_view(), name="api-model-retention"),
    path("webhooks", webhooks.WebhookList.as_view(), name="api-webhooks"),
    path("webhooks/<int:webhook_id>", webhooks.WebhookDetail.as_view(), name="api-webhook"),
    path(
        "webhooks/<int:webhook_id>/secret",
        webhooks.WebhookSecret.as_view(),
        name="api-webhook-secret",
    ),
    path("webhooks/<int:webhook_id>/ping", webhooks.WebhookPing.as_view(), name="api-webhook-ping"),
    path(
        "webhooks/<int:webhook_id>/deliveries",
        webhooks.DeliveryList.as_view(),
        name="api-deliveries",
    ),
    path(
        "deliveries/<uuid:delivery_id>/redeliver",
        webhooks.Redelivery.as_view(),
        name="api-redeliver",
    ),
]
