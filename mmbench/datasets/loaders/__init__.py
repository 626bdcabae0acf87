"""Read the files of a packing: a module for each kind of format, and the checks that all share.

Nothing is unpickled, and archives are read without being unpacked; a member that would leave
its folder is an error all the same.
"""

from mmbench.datasets.loaders.raw import Raw, check
from mmbench.datasets.loaders.reading import read

__all__ = ["Raw", "check", "read"]
