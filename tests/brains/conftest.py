"""Small networks gain nothing from a second thread, and tests run side by side."""

import torch

torch.set_num_threads(1)
