from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "training"
    verbose_name = "Training"

    def ready(self) -> None:
        from registry.hosts.queries import register_waiting
        from registry.jobs import kinds
        from registry.problems import register_status
        from training import dispatch, errors
        from training.datasets.building import DATASET
        from training.datasets.errors import STATUS_OF as DATASET_STATUS_OF
        from training.games.analyses import ANALYSIS
        from training.games.importing import IMPORT
        from training.games.playing import SELF_PLAY

        register_waiting(dispatch.waiting_runs)
        for kind in (ANALYSIS, DATASET, IMPORT, SELF_PLAY):
            kinds.register(kind)
        for error, status in (errors.STATUS_OF | DATASET_STATUS_OF).items():
            register_status(error, status)
