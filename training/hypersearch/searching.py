"""Searches as jobs: each trial is a run of its own, and the job looks after them now and then.

It holds no worker while its trials learn: it looks, begins what may begin, and rests. All that it
knows stands in its row, and a trial's run is asked for under a key of its own, so that a worker
that is killed at any moment leaves no trial that is begun twice.

All trials have one seed, derived from that of the search: they hold back the same examples and
begin with the same draws, so that what differs between them is what is tried.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from django.urls import reverse

from hamlet.errors import SpecError
from hamlet.runspec import MAX_SEED
from registry.artifacts.store import open_artifact
from registry.jobs.context import JobContext
from registry.jobs.dispatch import INFERENCE
from registry.jobs.errors import JobFailedError
from registry.jobs.kinds import Finished, JobKind
from registry.jobs.models import Job
from registry.models import ModelVersion
from registry.services import ensure_model
from registry.versions.services import register_version
from training import lifecycle, services
from training.errors import TrainingError
from training.hypersearch.reading import MEDIAN, MODE, SYSTEM, TRIALS, read, with_examples
from training.hypersearch.space import Parameter, with_values
from training.hypersearch.suggesting import Suggester
from training.hypersearch.trials import (
    FAILED,
    METRIC,
    NAME,
    Curve,
    Trial,
    best_of,
    cancel,
    curve_of,
    key_of,
    looked_at,
    run_of,
    trials_of,
)
from training.models import Run, Wish

LOOK_AGAIN_S = 2.0


def work(context: JobContext) -> Finished:
    """Look once after the trials.

    Raises: Resting while there are open ones; LeaseLostError, Cancelled, HandedBack, and whatever
        keeps the job from its end.
    """
    search = _Search(context)
    search.look()
    search.begin_more()
    if search.open:
        context.rest(LOOK_AGAIN_S)
    return search.finish()


class _Search:
    """One look at a search."""

    def __init__(self, context: JobContext) -> None:
        """Raises: SearchNotInstalledError, JobFailedError."""
        self.context, self.job, self.asked = context, context.job, context.request
        self.owner = context.need_owner()
        self.trials = trials_of(context.state)
        space = [Parameter.from_data(data) for data in self.asked["space"]]
        self.suggester = Suggester(space, self.asked["seed"], self.asked["num_samples"])

    @property
    def open(self) -> int:
        return sum(trial.open for trial in self.trials)

    def look(self) -> None:
        """See how the open trials stand, and stop those that are not worth going on with."""
        for trial in [trial for trial in self.trials if trial.open]:
            run = run_of(self.job, trial.number)
            if run is None:  # its worker died before it could ask for it
                self._begin(trial)
                continue
            curve = curve_of(run.pk)
            found = looked_at(trial, run, curve)
            if found.open and self.asked["early_stopping"] == MEDIAN:
                found = self._judged(found, run, curve)
            self._keep(found)

    def begin_more(self) -> None:
        """Ask for as many runs as may be at once."""
        most, at_once = self.asked["num_samples"], self.asked["max_concurrent"]
        while len(self.trials) < most and self.open < at_once:
            number = len(self.trials) + 1
            trial = Trial(number, self.suggester.suggest(self.trials))
            self.trials.append(trial)
            self._save()  # before it is a run: the next worker asks for the same one
            self._begin(trial)

    def finish(self) -> Finished:
        """Register the version of the best trial. Raises: JobFailedError if none came to an end."""
        best = best_of(self.trials)
        if best is None:
            why = next((trial.reason for trial in self.trials if trial.reason), "")
            raise JobFailedError(
                f"None of the {len(self.trials)} trials came to its end with a {METRIC}"
                f"{f'; of the first that failed: {why}' if why else ''}. Send another search."
            )
        run = Run.objects.select_related("version__artifact", "version__parent").get(pk=best.run)
        version = self._registered(run, best)
        return Finished(result=self._result(best, version), done=len(self.trials))

    # One trial

    def _begin(self, trial: Trial) -> None:
        """Raises: JobFailedError if no run of this kind may be asked for any more."""
        key = key_of(self.job, trial.number)
        try:
            run, _ = services.queue_run_once(self.owner, self._body(trial), idempotency_key=key)
        except SpecError as error:  # values that do not go together
            self._keep(replace(trial, status=FAILED, reason=str(error)[:500]))
        except TrainingError as error:
            raise JobFailedError(f"Trial {trial.number} could not be queued: {error}") from error
        else:
            self._keep(looked_at(trial, run, curve_of(run.pk)))

    def _body(self, trial: Trial) -> dict[str, Any]:
        from hamlet.learning.randomness import derived_seed  # brings torch

        shared = self.asked["run"]
        examples = None
        if self.job.question is not None:
            examples = orjson.loads(open_artifact(self.job.question))
        return {
            **with_examples(shared, examples),
            "config": with_values(shared["config"], trial.values),
            "name": f"{self.asked['name']}.{trial.number}",
            "model": self.asked["model"] + TRIALS,
            "seed": derived_seed(self.asked["seed"], "trials") % MAX_SEED,
        }

    def _judged(self, trial: Trial, run: Run, curve: Curve) -> Trial:
        """The trial, and its run cancelled if it is worse than others were."""
        if trial.stopped_at is None and curve and curve[-1][0] > trial.seen:
            at = self.suggester.hopeless_at(trial, curve, self.trials)
            trial = replace(trial, seen=curve[-1][0])
            if at is not None:
                reason = f"worse at {run.unit} {at} than the median of completed trials"
                trial = replace(trial, stopped_at=at, reason=reason)
                self._keep(trial)  # before the run ends: a person has not cancelled it
                lifecycle.note(run.pk, f"stopped by the search: {reason}", at_unit=at)
        if trial.stopped_at is not None and run.wish != Wish.CANCEL:
            cancel(run)
        return trial

    def _keep(self, trial: Trial) -> None:
        before = self.trials[trial.number - 1]
        self.trials[trial.number - 1] = trial
        if trial != before:
            self._save()
        else:
            self.context.progress(self.context.done)

    def _save(self) -> None:
        state = {"trials": [trial.to_data() for trial in self.trials]}
        self.context.save(state, done=len(self.trials) - self.open)

    # The end

    def _registered(self, run: Run, best: Trial) -> ModelVersion | None:
        """The best trial's version as one of the search's own model; None if it was deleted."""
        made = run.version
        if made is None:
            return None
        model = ensure_model(self.asked["model"], SYSTEM, self.owner, self.job.classroom)
        search = {"job_id": str(self.job.pk), "trial": best.number, "trials": len(self.trials)}
        return self.context.write(
            lambda: register_version(
                model=model,
                artifact=made.artifact,
                run_id=run.pk,
                lineage={**made.lineage, "search": search},
                metrics=made.metrics,
                parameters=made.parameters,
                parent=made.parent,
            )
        )

    def _result(self, best: Trial, version: ModelVersion | None) -> dict[str, Any]:
        return {
            "best_config": with_values(self.asked["run"]["config"], best.values),
            "best_values": dict(best.values),
            "best_value": best.value,
            "best_trial": best.number,
            "metric": METRIC,
            "mode": MODE,
            "training_job_id": best.run,
            "model": self.asked["model"],
            "model_version": None if version is None else version.number,
            "seed": self.asked["seed"],
            "results": [trial.to_data() for trial in self.trials],
        }


def subject(job: Job) -> tuple[str, str]:
    """Its name with the best so far, and the address of its page."""
    best = best_of(trials_of(job.state))
    words = f", best {METRIC} {best.value:.4f}" if best is not None else ""
    return f"{job.request['name']}{words}", reverse("live:hypersearch", args=[job.pk])


HYPERSEARCH = JobKind(
    name=NAME,
    title="Hyperparameter search",
    unit="trial",
    permission="training.add_run",
    refusal="You may not start searches. Ask an instructor.",
    read=read,
    work=work,
    queues=INFERENCE,  # each look takes a moment; the learning is done by workers for runs
    subject=subject,
    memory_advice="Send fewer examples.",
)
