"""The fixtures for the tests of this folder."""

from travel_lab import finished, lab

__all__ = ["finished", "lab"]
