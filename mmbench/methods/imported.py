"""A placeholder for results that were produced elsewhere; it trains nothing.

An entry with `uses: imported` gets its runs from `mmbench import`. Where there are none, the
workflow calls this module like any other method, and the row says that nothing was imported.

Source: none.
Departures: none.
"""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from mmbench.data import IncompatibleDataError


@dataclass(frozen=True)
class Imported:
    """No hyperparameters."""

    # Without the types of other methods, whose source would become part of the fingerprint: an
    # edit of `Dataset` would then make Snakemake replace the imported runs.
    def fit_predict(
        self, data: Any, *, seed: int, device: str = "", log: Any = None
    ) -> NDArray[Any]:
        """Refuse every data set.

        Raises:
            IncompatibleDataError: always.
        """
        raise IncompatibleDataError(
            f"{data.name}: nothing was imported for this data set and seed, see `mmbench import`"
        )


METHOD = Imported
