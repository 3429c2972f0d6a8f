from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "registry"
    verbose_name = "Registry"

    def ready(self) -> None:
        from registry.jobs import kinds
        from registry.jobs.predicting import PREDICTION

        kinds.register(PREDICTION)
