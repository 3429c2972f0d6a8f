"""Routes of the registry's pages, below /models/."""

from __future__ import annotations

from django.urls import path

from registry import brain_views, views

app_name = "registry"
urlpatterns = [
    path("", views.model_list, name="model-list"),
    # Before the names of models; `check_name` keeps these words free.
    path("brains/", brain_views.brain_list, name="brain-list"),
    path("brains/new/", brain_views.brain_new, name="brain-new"),
    path("brains/<slug:name>/", brain_views.brain_page, name="brain"),
    path("brains/<slug:name>/edit/", brain_views.brain_edit, name="brain-edit"),
    path("brains/<slug:name>/delete/", brain_views.brain_delete, name="brain-delete"),
    path("<slug:name>/", views.model_page, name="model"),
    path("<slug:name>/aliases/", views.move_alias, name="move-alias"),
    path("<slug:name>/aliases/<slug:alias>/remove/", views.remove_alias, name="remove-alias"),
    path("<slug:name>/versions/<str:number>/", views.version_page, name="version"),
    path("<slug:name>/versions/<str:number>/download/", views.download, name="version-download"),
]
