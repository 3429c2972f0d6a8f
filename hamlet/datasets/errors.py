"""What can be wrong with stored games and datasets."""

from hamlet.errors import HamletError


class DatasetError(HamletError):
    """A dataset or a block of games cannot be built, or is damaged, or holds nothing."""
