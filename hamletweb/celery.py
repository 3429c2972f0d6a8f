"""The Celery application: queues, delivery guarantees and the beat's schedule."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hamletweb.settings")

app = Celery("hamletweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def use_one_torch_thread(**_: object) -> None:
    # Two processes on two cores, each with two threads, wait for each other more than they work.
    # Nothing of torch runs in the parent: a torch operation before the fork deadlocks the child.
    import torch

    torch.set_num_threads(1)
