"""Games that were played, examples made of them, and datasets built from examples."""
