"""How workers and queues look on the API. The data itself comes from `registry.hosts.data`."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers


class DeviceData(serializers.Serializer):
    """What a worker can calculate with, as it was when the worker started."""

    kind = serializers.CharField(help_text="cpu or cuda")
    index = serializers.IntegerField()
    name = serializers.CharField()
    cores = serializers.IntegerField(required=False)
    memory_total_bytes = serializers.IntegerField()
    memory_free_bytes = serializers.IntegerField()


class WorkerData(serializers.Serializer):
    """A worker, as it last spoke of itself."""

    name = serializers.CharField()
    host = serializers.CharField()
    queues = serializers.ListField(child=serializers.CharField())
    age_s = serializers.FloatField(help_text="since its last word")
    silent = serializers.BooleanField(help_text="longer than a living one is")
    devices = DeviceData(many=True, allow_null=True, help_text="null: not known yet")
    running = serializers.IntegerField(allow_null=True, help_text="tasks")
    limit = serializers.IntegerField(allow_null=True, help_text="tasks at once")
    versions = serializers.ListField(
        child=serializers.CharField(), help_text="loaded ones that you may see"
    )
    loaded_files = serializers.IntegerField(help_text="of all models that it keeps loaded")
    software = serializers.DictField(child=serializers.CharField())


class WaitingData(serializers.Serializer):
    noun = serializers.CharField(help_text="job or run")
    count = serializers.IntegerField()
    oldest_s = serializers.FloatField(help_text="seconds that the first has waited")


class QueueData(serializers.Serializer):
    """A queue, who serves it and what waits in it."""

    name = serializers.CharField()
    purpose = serializers.CharField()
    device = serializers.CharField(allow_null=True)
    messages = serializers.IntegerField(allow_null=True, help_text="null: the broker is away")
    served_by = serializers.ListField(child=serializers.CharField())
    waiting = WaitingData(many=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "a GPU host",
            response_only=True,
            value={
                "known": True,
                "workers": [
                    {
                        "name": "inference@gpu1",
                        "host": "gpu1",
                        "queues": ["inference.gpu"],
                        "age_s": 0.8,
                        "silent": False,
                        "devices": [
                            {
                                "kind": "cuda",
                                "index": 0,
                                "name": "NVIDIA L4",
                                "memory_total_bytes": 24152899584,
                                "memory_free_bytes": 23622320128,
                            }
                        ],
                        "running": 1,
                        "limit": 1,
                        "versions": ["town-L1 1.0.0"],
                        "loaded_files": 1,
                        "software": {"python": "3.11.2", "torch": "2.13.0"},
                    }
                ],
                "queues": [
                    {
                        "name": "inference.gpu",
                        "purpose": "prediction jobs on GPUs",
                        "device": "cuda",
                        "messages": 2,
                        "served_by": ["inference@gpu1"],
                        "waiting": [{"noun": "job", "count": 2, "oldest_s": 4.5}],
                    }
                ],
            },
        )
    ]
)
class Overview(serializers.Serializer):
    """Workers and queues at this moment."""

    known = serializers.BooleanField(help_text="false: Valkey is away, so nobody knows the workers")
    workers = WorkerData(many=True)
    queues = QueueData(many=True)
