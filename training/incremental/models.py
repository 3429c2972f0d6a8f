"""Examples that wait for a run, and what the people of a model want of its further learning."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from registry.models import RegisteredModel


class QueuedExamples(models.Model):
    """Examples that were sent together. They wait until one run takes all of them.

    `base` is the number of the version to begin from, or empty for the one that is in service
    when the run begins. `taken_at` says that they wait no more, also when the run is gone.
    """

    model = models.ForeignKey(
        RegisteredModel, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    base = models.CharField(max_length=50, blank=True, editable=False)
    examples = models.BinaryField(editable=False)  # JSON, as they were sent; empty once taken
    count = models.PositiveIntegerField(editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    idempotency_key = models.CharField(max_length=100, null=True, editable=False)
    request_hash = models.CharField(max_length=71, editable=False)
    queued_at = models.DateTimeField(default=timezone.now, editable=False)
    taken_at = models.DateTimeField(null=True, editable=False)
    run = models.ForeignKey(
        "training.Run", null=True, on_delete=models.SET_NULL, related_name="taken_examples"
    )

    class Meta:
        app_label = "training"
        ordering = ["queued_at", "id"]
        verbose_name = verbose_name_plural = "queued examples"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"],
                name="queued_examples_key_once",
                condition=~Q(idempotency_key=None),
            ),
            models.CheckConstraint(
                condition=Q(run=None) | ~Q(taken_at=None), name="queued_examples_run_has_taken"
            ),
            models.CheckConstraint(condition=Q(count__gte=1), name="queued_examples_not_empty"),
        ]
        indexes = [
            models.Index(
                fields=["model", "base", "id"],
                name="examples_that_wait",
                condition=Q(taken_at=None),
            ),
            models.Index(fields=["taken_at"], name="examples_taken"),
        ]

    def __str__(self) -> str:
        return f"{self.count} examples for {self.model}"


class LearningOn(models.Model):
    """How a model goes on learning. A model without a row has the platform's settings."""

    model = models.OneToOneField(
        RegisteredModel, on_delete=models.CASCADE, primary_key=True, related_name="learning_on"
    )
    enough_examples = models.PositiveIntegerField(null=True)  # null: the platform's number
    # Why the examples that wait could not be given to a run when that was tried last.
    problem = models.TextField(blank=True, editable=False)
    nightly = models.BooleanField(default=False)
    nightly_since = models.DateTimeField(null=True, editable=False)  # nights before do not count
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        app_label = "training"
        constraints = [
            models.CheckConstraint(
                condition=Q(nightly=False) | ~Q(nightly_since=None),
                name="nightly_has_a_beginning",
            )
        ]
        verbose_name = verbose_name_plural = "settings of learning on"

    def __str__(self) -> str:
        return f"how {self.model} learns on"
