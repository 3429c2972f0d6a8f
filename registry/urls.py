"""Routes of models."""

app_name = "registry"
urlpatterns: list = []
