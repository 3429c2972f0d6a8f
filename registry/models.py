"""What the registry keeps: brain specs, models, their versions and aliases, checkpoints.

What has a package of its own has its tables there; Django finds all tables of the app here.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from registry.accounts.models import ApiToken, Classroom, Membership, Role, Scope, User
from registry.artifacts.models import Artifact
from registry.audit.models import AuditEntry, AuditHead
from registry.exports.models import Export
from registry.jobs.models import Job
from registry.performance.models import PerformanceReport
from registry.retention.models import RetentionRule
from registry.serving.models import Prediction
from registry.versions.models import VersionCard, VersionCheck, VersionStatus
from registry.webhooks.models import Webhook, WebhookDelivery

__all__ = [
    "Alias",
    "AliasMove",
    "ApiToken",
    "Artifact",
    "AuditEntry",
    "AuditHead",
    "BrainSpec",
    "Checkpoint",
    "Classroom",
    "Export",
    "Job",
    "Membership",
    "ModelVersion",
    "PerformanceReport",
    "Prediction",
    "RegisteredModel",
    "RetentionRule",
    "Role",
    "Scope",
    "User",
    "VersionCard",
    "VersionCheck",
    "VersionStatus",
    "Webhook",
    "WebhookDelivery",
]


class BrainSpec(models.Model):
    """A brain.yaml as a person wrote it, and what it means once defaults are written out.

    Two specs with one hash build the same network; the text is kept verbatim for its comments.
    """

    name = models.SlugField(max_length=100, unique=True)
    yaml_text = models.TextField("YAML")
    data = models.JSONField(editable=False)
    spec_hash = models.CharField(max_length=71, editable=False, db_index=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(auto_now=True, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = "brain spec"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("registry:brain", args=[self.name])


class RegisteredModel(models.Model):
    """A name under which versions are kept."""

    name = models.SlugField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    system = models.CharField(max_length=32)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    classroom = models.ForeignKey(Classroom, null=True, blank=True, on_delete=models.SET_NULL)
    # Of all versions there have been: the number of one that was deleted is given to no other.
    highest_number = models.CharField(max_length=50, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = "model"
        indexes = [models.Index(fields=["-created_at", "-id"], name="models_newest_first")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("registry:model", args=[self.name])


class ModelVersion(models.Model):
    """A registered file. Never changed again: a database trigger refuses it.

    What may change about it (status, tags, description) stands on its card.

    `run_id` is the id of the training run that made it; the registry lies below training and
    cannot point at its table. `parent` is the version whose weights the training began with.
    `parameters` is what was chosen for its making, `metrics` what came of it.
    """

    class Format(models.TextChoices):
        HAMLET = "hamlet", "inference checkpoint"
        ONNX = "onnx", "ONNX"

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    major = models.PositiveIntegerField(editable=False)
    minor = models.PositiveIntegerField(editable=False)
    patch = models.PositiveIntegerField(editable=False)
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, editable=False)
    format = models.CharField(
        max_length=10, choices=Format.choices, default=Format.HAMLET, editable=False
    )
    signature = models.JSONField(editable=False)
    brain_spec_hash = models.CharField(max_length=71, editable=False, db_index=True)
    layout_hash = models.CharField(max_length=71, editable=False)
    run_id = models.UUIDField(null=True, editable=False, db_index=True)
    parent = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="children", editable=False
    )
    lineage = models.JSONField(default=dict, editable=False)
    parameters = models.JSONField(default=dict, editable=False)
    metrics = models.JSONField(default=dict, editable=False)
    registered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-major", "-minor", "-patch"]
        verbose_name = "version"
        permissions = [
            ("predict_modelversion", "Can ask a version for predictions"),
            ("download_modelversion", "Can download the checkpoint of a version"),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="versions_newest_first")]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "major", "minor", "patch"], name="version_number_once_per_model"
            ),
            # A run that is finished twice (at least once, effect once) registers one version.
            models.UniqueConstraint(
                fields=["model", "run_id"],
                name="one_version_per_run",
                condition=~models.Q(run_id=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.number}"

    @property
    def number(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def get_absolute_url(self) -> str:
        return reverse("registry:version", args=[self.model.name, self.number])


class Alias(models.Model):
    """A movable name for one version of a model, such as `best`.

    A protected one neither moves nor goes until somebody takes the protection away.
    """

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="aliases")
    name = models.SlugField(max_length=50)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")
    protected = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "aliases"
        constraints = [
            models.UniqueConstraint(fields=["model", "name"], name="alias_once_per_model")
        ]

    def __str__(self) -> str:
        return f"{self.model}@{self.name}"


class AliasMove(models.Model):
    """An alias began, moved or ended: who, when, from which version to which.

    The numbers stay when a version is deleted for good; the foreign keys become empty then.
    """

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="alias_moves")
    name = models.SlugField(max_length=50, editable=False)
    old_version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    new_version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    old_number = models.CharField(max_length=32, blank=True, editable=False)
    new_number = models.CharField(max_length=32, blank=True, editable=False)
    reason = models.CharField(max_length=200, blank=True, editable=False)
    moved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, editable=False
    )
    moved_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-moved_at", "-pk"]
        verbose_name = "alias move"
        indexes = [
            models.Index(fields=["model", "name", "-moved_at", "-id"], name="moves_of_an_alias")
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.old_number or 'nothing'} -> {self.new_number or 'nothing'}"


class Checkpoint(models.Model):
    """A file a run saved on its way: `training` to go on from, `inference` to use."""

    class Kind(models.TextChoices):
        TRAINING = "training"
        INFERENCE = "inference"

    run_id = models.UUIDField(editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices, editable=False)
    at = models.PositiveBigIntegerField(editable=False)  # finished units of progress
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, editable=False)
    metadata = models.JSONField(default=dict, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            # Work done twice after a crash gives the same checkpoint again, not a second one.
            models.UniqueConstraint(fields=["run_id", "kind", "at"], name="checkpoint_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} checkpoint at {self.at}"
