"""The fixtures for the tests of this folder."""

from exchange_lab import finished, lab

__all__ = ["finished", "lab"]
