"""Routes that machines ask: health and metrics."""

urlpatterns: list = []
