"""Calculating the same run in the same way each time, so that it goes on as if never cut."""

from __future__ import annotations

import os

import torch

# Memory of fixed size for cuBLAS: without it, sums depend on which stream was free.
CUBLAS_WORKSPACE = ":4096:8"


def calculate_repeatably(device: str) -> None:
    """Set this process up for a run on `device`, "cpu" or "cuda".

    Call it in the process that trains, before anything touches the GPU: cuBLAS reads its setting
    when CUDA starts. What has no deterministic form on a GPU warns and is done all the same.

    Source: https://docs.pytorch.org/docs/stable/notes/randomness.html
    """
    # Sums that several threads share come out differently in the last bit. A run that another
    # machine takes over shall go on bit for bit, and networks this small gain nothing.
    torch.set_num_threads(1)
    on_gpu = device == "cuda"
    if on_gpu:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", CUBLAS_WORKSPACE)
        # Trying out which convolution is the fastest would choose another one each time.
        torch.backends.cudnn.benchmark = False
    # One thread of a CPU needs no mode for that, and some operations are slower in it.
    torch.use_deterministic_algorithms(on_gpu, warn_only=on_gpu)
