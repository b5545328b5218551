"""The executable that measures, built; it is driven as that of the other benchmark."""

import kernel
from kernel import Kernel as Program

__all__ = ["Program", "build"]


def build():
    """Path of the executable; with it cargo builds the worker."""
    return kernel.build(["cargo", "build", "--release", "--bench", "rank"], "rank")
