from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "training"
    verbose_name = "Training"

    def ready(self) -> None:
        from registry.hosts.queries import register_waiting
        from registry.jobs import kinds
        from registry.problems import register_status
        from training import dispatch, errors
        from training.comparisons.comparing import COMPARISON
        from training.datasets.building import DATASET
        from training.datasets.errors import STATUS_OF as DATASET_STATUS_OF
        from training.games.analyses import ANALYSIS
        from training.games.importing import IMPORT
        from training.games.playing import SELF_PLAY
        from training.hypersearch.errors import STATUS_OF as SEARCH_STATUS_OF
        from training.hypersearch.searching import HYPERSEARCH
        from training.league.playing import TOURNAMENT

        register_waiting(dispatch.waiting_runs)
        for kind in (ANALYSIS, COMPARISON, DATASET, HYPERSEARCH, IMPORT, SELF_PLAY, TOURNAMENT):
            kinds.register(kind)
        for statuses in (errors.STATUS_OF, DATASET_STATUS_OF, SEARCH_STATUS_OF):
            for error, status in statuses.items():
                register_status(error, status)
