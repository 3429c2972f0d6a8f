"""What is tried next, and what is not worth going on with: Optuna, asked anew each time.

The study is built from the trials that the job remembers whenever it is asked, and each trial has
a seed of its own. So what a killed worker knew is never missed, and equal trials with equal results
in equal order give equal suggestions.

Sources: Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization (tree-structured Parzen
estimator); Golovin et al. 2017, https://doi.org/10.1145/3097983.3098043 (the median stopping rule).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from training.hypersearch.errors import SearchNotInstalledError
from training.hypersearch.space import CHOICE, INT, LOGUNIFORM, Parameter
from training.hypersearch.trials import COMPLETED, STOPPED, Curve, Trial, curve_at_end

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

REQUIREMENTS = "requirements-search.txt"
FEWEST_BEFORE_STOPPING = 3  # completed trials that a median is taken of
WARM_UP_EPOCHS = 2  # in which nothing is stopped


def check_installed() -> None:
    """Costs no import, so that a web process asks it. Raises: SearchNotInstalledError."""
    if find_spec("optuna") is None:
        raise SearchNotInstalledError(
            "Optuna chooses the trials of a search, and it is not installed here. Install it where "
            f"the web server and the workers run: pip install -r {REQUIREMENTS}"
        )


def import_optuna() -> Any:
    """Raises: SearchNotInstalledError."""
    check_installed()
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


class Suggester:
    """Chooses values for the trials of one search."""

    def __init__(self, parameters: Sequence[Parameter], seed: int, num_samples: int) -> None:
        """Raises: SearchNotInstalledError."""
        self.optuna = import_optuna()
        self.parameters, self.seed = tuple(parameters), seed
        # Drawn at random first; the method's own 10 would leave it nothing to do in a short search.
        self.random_trials = min(10, max(3, num_samples // 3))
        self.distributions = {one.path: self._distribution(one) for one in parameters}

    def suggest(self, trials: Sequence[Trial]) -> dict[str, Any]:
        """Values by path for the next trial. Args: trials: all so far, in order."""
        asked = self._study(trials).ask(self.distributions)
        return {
            one.path: one.among[asked.params[one.path]]
            if one.kind == CHOICE
            else asked.params[one.path]
            for one in self.parameters
        }

    def hopeless_at(self, trial: Trial, curve: Curve, trials: Sequence[Trial]) -> int | None:
        """The first epoch by which the trial was worse than the median of completed ones.

        Every epoch since `trial.seen` is judged, so that it does not matter how often one looks.
        """
        others = self._study([other for other in trials if other.status == COMPLETED])
        pruner = self.optuna.pruners.MedianPruner(
            n_startup_trials=FEWEST_BEFORE_STOPPING, n_warmup_steps=WARM_UP_EPOCHS
        )
        for length, (at, _) in enumerate(curve, 1):
            if at > trial.seen and pruner.prune(others, self._frozen(trial, curve[:length])):
                return at
        return None

    def _study(self, trials: Sequence[Trial]) -> Study:
        from hamlet.learning.randomness import derived_seed  # brings torch

        sampler = self.optuna.samplers.TPESampler(
            seed=derived_seed(self.seed, f"suggestion {len(trials) + 1}") % 2**32,
            n_startup_trials=self.random_trials,
            constant_liar=True,  # trials side by side are to try different things
        )
        study = self.optuna.create_study(direction="minimize", sampler=sampler)
        for trial in trials:
            study.add_trial(self._frozen(trial, self._curve(trial)))
        return study

    def _curve(self, trial: Trial) -> Curve:
        done = trial.status in (COMPLETED, STOPPED) and trial.run is not None
        return curve_at_end(trial.run) if done else ()

    def _frozen(self, trial: Trial, curve: Curve) -> FrozenTrial:
        states = self.optuna.trial.TrialState
        state = {COMPLETED: states.COMPLETE, STOPPED: states.PRUNED}.get(trial.status, states.FAIL)
        if trial.open:
            state = states.RUNNING
        return self.optuna.trial.create_trial(
            state=state,
            value=trial.value if state == states.COMPLETE else None,
            params={one.path: self._coded(one, trial.values[one.path]) for one in self.parameters},
            distributions=self.distributions,
            intermediate_values=dict(curve),
        )

    def _distribution(self, one: Parameter) -> BaseDistribution:
        known = self.optuna.distributions
        if one.kind == CHOICE:
            return known.CategoricalDistribution(range(len(one.among)))
        low, high = one.among
        if one.kind == INT:
            return known.IntDistribution(low, high)
        return known.FloatDistribution(low, high, log=one.kind == LOGUNIFORM)

    def _coded(self, one: Parameter, value: Any) -> Any:
        """A choice by its place, since Optuna takes no lists and mappings."""
        return one.among.index(value) if one.kind == CHOICE else value
