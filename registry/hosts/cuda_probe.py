"""Prints the CUDA devices that PyTorch sees here, as JSON. Run as a script, in a process of its
own: a parent that has touched CUDA cannot fork children that use it."""

from __future__ import annotations

import json


def cuda_devices() -> list[dict[str, object]]:
    import torch

    found = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        found.append(
            {
                "kind": "cuda",
                "index": index,
                "name": name,
                "memory_total_bytes": total,
                "memory_free_bytes": free,
            }
        )
    return found


if __name__ == "__main__":
    print(json.dumps(cuda_devices()))
