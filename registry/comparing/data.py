"""A comparison as plain data, for the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from registry.comparing.differences import Comparison
from registry.comparing.seeds import SeedGroup


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """Every `values` has one entry for each subject, in the order of `subjects`."""
    return {
        "subjects": [
            {"key": subject.key, "name": subject.name, "url": subject.url, **subject.facts}
            for subject in comparison.subjects
        ],
        "parameters": [
            {"name": parameter.name, "values": parameter.values, "differs": parameter.differs}
            for parameter in comparison.parameters
        ],
        "metrics": [
            {
                "name": metric.name,
                "values": metric.values,
                "best": metric.best,
                "better": "lower" if metric.less_is_better else "higher",
            }
            for metric in comparison.metrics
        ],
        "groups": [group_data(group) for group in comparison.groups],
    }


def group_data(group: SeedGroup) -> dict[str, Any]:
    return {
        "members": group.members,
        "seeds": group.seeds,
        "metrics": {
            name: {**interval.to_data(), "n": count}
            for name, (interval, count) in group.intervals.items()
        },
    }


class ComparedParameter(serializers.Serializer):
    name = serializers.CharField(help_text="its path, as in a query")
    values = serializers.ListField(help_text="one for each subject; null where it has none")
    differs = serializers.BooleanField()


class ComparedMetric(serializers.Serializer):
    name = serializers.CharField()
    values = serializers.ListField(child=serializers.FloatField(allow_null=True))
    best = serializers.ListField(child=serializers.IntegerField(), help_text="places of the best")
    better = serializers.ChoiceField(["higher", "lower"])


class ComparedGroup(serializers.Serializer):
    """Subjects that differ by their seed alone."""

    members = serializers.ListField(child=serializers.IntegerField(), help_text="places")
    seeds = serializers.ListField(child=serializers.IntegerField())
    metrics = serializers.DictField(
        help_text="by name: mean, low and high of the 95 % confidence interval (Student's t), n"
    )


class ComparisonData(serializers.Serializer):
    """Things beside each other."""

    subjects = serializers.ListField(child=serializers.DictField())
    parameters = ComparedParameter(many=True)
    metrics = ComparedMetric(many=True)
    groups = ComparedGroup(many=True)
