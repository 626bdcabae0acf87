"""The fixtures for the tests of this folder."""

from exchange_lab import lab

__all__ = ["lab"]
