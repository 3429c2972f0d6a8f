"""Nights on which a model learns on from the games that were played since."""
