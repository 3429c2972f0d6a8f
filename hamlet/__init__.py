"""Train, keep and use small agents. Pure PyTorch: no Django, no network."""

__version__ = "0.1.0"
