"""One thread: these tensors are small, and tests run beside each other."""

import torch

torch.set_num_threads(1)
