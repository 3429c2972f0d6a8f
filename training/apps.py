from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "training"
    verbose_name = "Training"

    def ready(self) -> None:
        from registry.problems import register_status
        from training import errors

        for error, status in errors.STATUS_OF.items():
            register_status(error, status)
