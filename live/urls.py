"""Routes of the live pages."""

app_name = "live"
urlpatterns: list = []
