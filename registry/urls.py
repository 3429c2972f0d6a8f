"""Routes of the registry's pages, below /models/."""

from __future__ import annotations

from django.urls import path

from registry import brain_views, views
from registry.audit import views as audit
from registry.bundles.views import bundle_of_model, import_bundle
from registry.comparing.views import version_compare, version_compare_csv
from registry.deleting import views as deleting
from registry.retention.views import retention_page
from registry.searching.views import version_search
from registry.versions import views as versions

app_name = "registry"
urlpatterns = [
    path("", views.model_list, name="model-list"),
    # Before the names of models; `check_name` keeps these words free.
    path("versions/", version_search, name="version-search"),
    path("compare/", version_compare, name="version-compare"),
    path("compare/csv/", version_compare_csv, name="version-compare-csv"),
    path("brains/", brain_views.brain_list, name="brain-list"),
    path("brains/new/", brain_views.brain_new, name="brain-new"),
    path("brains/validate/", brain_views.brain_validate, name="brain-validate"),
    path("brains/<slug:name>/", brain_views.brain_page, name="brain"),
    path("brains/<slug:name>/edit/", brain_views.brain_edit, name="brain-edit"),
    path("brains/<slug:name>/delete/", brain_views.brain_delete, name="brain-delete"),
    path("brains/<slug:name>/diff/", brain_views.brain_diff, name="brain-diff-choose"),
    path("brains/<slug:name>/diff/<slug:other>/", brain_views.brain_diff, name="brain-diff"),
    path("upload/", versions.upload, name="upload"),
    path("audit/", audit.audit_page, name="audit"),
    path("bundles/", import_bundle, name="import-bundle"),
    path("retention/", retention_page, name="retention"),
    path("<slug:name>/", views.model_page, name="model"),
    path("<slug:name>/aliases/", views.move_alias, name="move-alias"),
    path("<slug:name>/aliases/<slug:alias>/remove/", views.remove_alias, name="remove-alias"),
    path("<slug:name>/aliases/<slug:alias>/protect/", views.protect_alias, name="protect-alias"),
    path("<slug:name>/history/", views.history_page, name="history"),
    path("<slug:name>/versions/<str:number>/", versions.version_page, name="version"),
    path("<slug:name>/versions/<str:number>/download/", versions.download, name="version-download"),
    path(
        "<slug:name>/versions/<str:number>/download/<slug:form>/",
        versions.download_export,
        name="export-download",
    ),
    path("<slug:name>/versions/<str:number>/panel/", versions.status_panel, name="version-panel"),
    path(
        "<slug:name>/versions/<str:number>/status/", versions.change_status, name="version-status"
    ),
    path("<slug:name>/versions/<str:number>/check/", versions.check, name="version-check"),
    path("<slug:name>/versions/<str:number>/card/", versions.change_card, name="version-card"),
    path("<slug:name>/bundle/", bundle_of_model, name="bundle"),
    path("<slug:name>/delete/", deleting.delete_model, name="delete-model"),
    path(
        "<slug:name>/versions/<str:number>/delete/", deleting.delete_version, name="delete-version"
    ),
]
