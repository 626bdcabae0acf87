"""A place in the tables for results that were made elsewhere; it trains nothing.

An entry with `uses: imported` gets its runs from `mmbench import`. Where there are none, the
workflow calls this module as it calls any method, and the row says that nothing was imported.

Source: none.
Departures: none.
"""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from pydantic import ConfigDict

from mmbench.data import IncompatibleDataError


@dataclass(frozen=True)
class Imported:
    """No hyperparameters."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    # Plain types: the types of other methods would put the source of `Dataset` into the
    # fingerprint, and an edit of it would have Snakemake replace what was imported.
    def fit_predict(
        self, data: Any, *, seed: int, device: str = "", log: Any = None
    ) -> NDArray[Any]:
        """Refuse.

        Args:
            data: of any setting.
            seed: unused.
            device: unused.
            log: unused.

        Raises:
            IncompatibleDataError: always.
        """
        raise IncompatibleDataError(
            f"{data.name}: nothing was imported for this data set and seed, see `mmbench import`"
        )


METHOD = Imported
