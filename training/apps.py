from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "training"
    verbose_name = "Training"

    def ready(self) -> None:
        from registry.hosts.queries import register_waiting
        from registry.problems import register_status
        from training import dispatch, errors

        register_waiting(dispatch.waiting_runs)
        for error, status in errors.STATUS_OF.items():
            register_status(error, status)
