"""What machines ask: `/healthz` (alive?), `/readyz` (able to serve?), `/metrics` (how goes it?)."""
