"""Who there is: people, the classes they share, and the tokens their programs carry."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Role(models.TextChoices):
    """The three roles. Each is a Django group of this name; `roles.py` says what it may do."""

    STUDENT = "student"
    INSTRUCTOR = "instructor"
    ADMIN = "admin"


class User(AbstractUser):
    """An account. Its role is the group it is in; its classes are its memberships."""


class Classroom(models.Model):
    """People who share what they train. A student joins with the code."""

    name = models.CharField(max_length=100, unique=True)
    join_code = models.CharField(max_length=20, unique=True)
    members = models.ManyToManyField(User, through="Membership", related_name="classrooms")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        app_label = "registry"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def spelled_code(self) -> str:
        """The code in two halves, as people read it out: `ABCDE-FGHJK`."""
        half = len(self.join_code) // 2
        return f"{self.join_code[:half]}-{self.join_code[half:]}"


class Membership(models.Model):
    """One person in one class, as student or as instructor of it."""

    classroom = models.ForeignKey(Classroom, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    teaches = models.BooleanField(default=False)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        app_label = "registry"
        constraints = [
            models.UniqueConstraint(fields=["classroom", "user"], name="one_membership_per_class")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.classroom}"


class Scope(models.TextChoices):
    """What a token may be used for. A token never exceeds its owner's role."""

    READ = "read"
    PREDICT = "predict"
    TRAIN = "train"
    MANAGE = "manage"


class ApiToken(models.Model):
    """A program's key. Only the digest is kept; the secret is shown once, when it is made."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)  # shown in lists, so that people can tell them apart
    digest = models.CharField(max_length=64, unique=True, editable=False)  # sha256, hex
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices))
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="empty: as many as the platform allows every token"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        app_label = "registry"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scopes__contained_by=Scope.values) & ~Q(scopes=[]),
                name="token_scopes_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}...)"

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()
