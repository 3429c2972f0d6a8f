"""Behaviour cloning: play like the examples first, then better.

Source: Pomerleau 1991, https://doi.org/10.1162/neco.1991.3.1.88.
"""

from __future__ import annotations

from hamlet.learning.connect_four.examples_fit import ExamplesFit
from hamlet.learning.supervised_validating import validation_metrics
from hamlet.learning.trainer import Event, Remarked

REMARKED = ("train_loss", "val_loss", "val_accuracy")


class Cloning(ExamplesFit):
    """A supervised fit before the first game."""

    @property
    def finished(self) -> bool:
        return self.fit.finished

    def work(self) -> list[Event]:
        """One batch; when the last is done, what came of it."""
        report = self.advance()
        if report is None or not self.finished:
            return []
        text = f"cloned {len(self.fit.training)} examples in {report.number} epochs"
        for name in REMARKED:
            if name in report.metrics:
                text += f", {name} {report.metrics[name]:.3f}"
        return [Remarked(0, f"{text}; {report.stop}" if report.stop else text)]

    def validate(self) -> dict[str, float]:
        """How well the network still answers the examples held back, if there are any."""
        fit = self.fit
        if fit.validation is None or fit.seen is None:
            return {}
        measured = validation_metrics(fit.network, fit.validation, fit.seen)
        return {name: value for name, value in measured.items() if name.startswith("val_")}
