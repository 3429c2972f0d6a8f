"""Games that were played: one row each, their search data side by side in compressed files."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from registry.models import Artifact, Classroom, Job, ModelVersion

CONNECT_FOUR = "connect_four"


class GameSource(models.TextChoices):
    """By the words of `hamlet.datasets.games.SOURCES`."""

    HUMAN = "human"
    SELF_PLAY = "self_play"
    TOURNAMENT = "tournament"
    IMPORT = "import"


class GameBlock(models.Model):
    """A file with the search data of some games (`hamlet.datasets.game_blocks`)."""

    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="+")
    games_count = models.PositiveIntegerField()

    class Meta:
        app_label = "training"

    def __str__(self) -> str:
        return f"block of {self.games_count} games"


class Game(models.Model):
    """One game. Its moves are the only truth; boards are replayed from them.

    Games that one run or job plays carry its id in `origin` and a `number` of their own there, so
    that a game that is written twice is kept once.
    """

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    given_id = models.CharField(max_length=64, null=True, editable=False)  # of whoever sent it
    system = models.CharField(max_length=32, default=CONNECT_FOUR, editable=False)
    source = models.CharField(max_length=12, choices=GameSource.choices, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    classroom = models.ForeignKey(
        Classroom, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    run = models.ForeignKey(
        "training.Run", null=True, on_delete=models.SET_NULL, related_name="games"
    )
    origin = models.UUIDField(null=True, editable=False)
    number = models.PositiveBigIntegerField(null=True, editable=False)
    idempotency_key = models.CharField(max_length=100, null=True, editable=False)
    request_hash = models.CharField(max_length=71, blank=True, editable=False)

    red_type = models.CharField(max_length=5, editable=False)
    red_rating = models.FloatField(null=True, editable=False)
    red_name = models.CharField(max_length=120, blank=True, editable=False)
    red_version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    yellow_type = models.CharField(max_length=5, editable=False)
    yellow_rating = models.FloatField(null=True, editable=False)
    yellow_name = models.CharField(max_length=120, blank=True, editable=False)
    yellow_version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )

    moves = models.BinaryField(editable=False)  # 3 bits each: hamlet.datasets.packing
    plies = models.PositiveSmallIntegerField(editable=False)
    winner = models.PositiveSmallIntegerField(editable=False)  # 1 Red, 2 Yellow, 0 draw
    reason = models.CharField(max_length=12, editable=False)
    thinking_ms = models.JSONField(null=True, editable=False)
    mirror_of = models.CharField(max_length=64, blank=True, editable=False)
    # Null where no human took part; false: the game is for its owner's eyes and data alone.
    consent = models.BooleanField(null=True, editable=False)
    metadata = models.JSONField(default=dict, editable=False)
    block = models.ForeignKey(GameBlock, null=True, on_delete=models.PROTECT, related_name="+")
    block_index = models.PositiveIntegerField(null=True, editable=False)
    analysis = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    played_at = models.DateTimeField(editable=False)
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        app_label = "training"
        ordering = ["-played_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["origin", "number"],
                name="game_once_per_origin",
                condition=~Q(origin=None),
            ),
            models.UniqueConstraint(
                fields=["owner", "given_id"],
                name="game_id_once_per_owner",
                condition=~Q(given_id=None),
            ),
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"],
                name="game_idempotency_key_once",
                condition=~Q(idempotency_key=None),
            ),
            models.CheckConstraint(condition=Q(winner__lte=2), name="game_winner_known"),
            models.CheckConstraint(
                condition=Q(source__in=GameSource.values), name="game_source_known"
            ),
        ]
        indexes = [
            models.Index(fields=["-played_at", "-id"], name="games_newest_first"),
            models.Index(fields=["source", "-played_at", "-id"], name="games_of_a_source"),
            models.Index(fields=["classroom", "-played_at", "-id"], name="games_of_a_class"),
            models.Index(
                fields=["red_version", "-played_at", "-id"],
                name="games_of_a_red_version",
                condition=~Q(red_version=None),
            ),
            models.Index(
                fields=["yellow_version", "-played_at", "-id"],
                name="games_of_a_yellow_version",
                condition=~Q(yellow_version=None),
            ),
        ]

    def __str__(self) -> str:
        return f"game {str(self.uid)[:8]}"

    def get_absolute_url(self) -> str:
        return reverse("live:game", args=[self.uid])


class PositionFinding(models.Model):
    """What perfect play makes of a position: found once, looked up ever after.

    As `hamlet.search.analysis.Finding`: the score for the side to move, and the best columns as
    they are drawn in the position whose key is the smaller one of its and its mirror image's.
    """

    canonical_key = models.BigIntegerField(primary_key=True)
    score = models.SmallIntegerField()
    best_columns = ArrayField(models.PositiveSmallIntegerField(), size=7)

    class Meta:
        app_label = "training"

    def __str__(self) -> str:
        return str(self.canonical_key)
