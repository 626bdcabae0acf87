"""Seeds that are finished before their block is, and saved states of stopped trainings."""

import shutil
from pathlib import Path

from mmbench.errors import InputError
from mmbench.runs import Run, read_runs, write_runs

_STATE_SUFFIX = ".state"


class FinishedSeeds:
    """A folder for finished seeds, shared by the blocks of a data set, method and parameters.

    Entries are named by seed and by the digest of the run's key (`mmbench.runs.RunKey`), so that
    results of other parameters, source code or data are never taken for current ones.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def beside(cls, block: Path) -> "FinishedSeeds":
        """Return the one that belongs to the folder of a block."""
        return cls(block.parent / ".finished_seeds")

    def add(self, run: Run, key: str) -> None:
        """Store a finished seed.

        Raises:
            OSError: it cannot be written.
        """
        write_runs([run], self._entry(run.record.seed, key))

    def read(self, seed: int, key: str) -> Run | None:
        """Return a finished seed, or None where there is none or a power failure truncated it."""
        try:
            (run,) = read_runs(self._entry(seed, key))
        except InputError:
            return None
        return run

    def state_file(self, seed: int, key: str, environment: str, training_seed: int) -> Path:
        """Return the file for the state of a training, that of one restart of a seed.

        `environment` is a digest of the device, threads and versions, which the bits depend on.
        """
        return self.folder / f"{seed}-{key}-{training_seed}-{environment}{_STATE_SUFFIX}"

    def remove_states(self, seed: int, *, except_key: str = "") -> None:
        """Remove the saved states of a seed, except those of one key."""
        for path in self.folder.glob(f"{seed}-*{_STATE_SUFFIX}"):
            if not except_key or not path.name.startswith(f"{seed}-{except_key}-"):
                path.unlink(missing_ok=True)

    def remove(self, seed: int) -> None:
        """Remove the results of a seed, of earlier keys and unfinished writes included."""
        for path in [*self.folder.glob(f"{seed}-*"), *self.folder.glob(f".{seed}-*")]:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.suffix != _STATE_SUFFIX:
                path.unlink(missing_ok=True)

    def _entry(self, seed: int, key: str) -> Path:
        return self.folder / f"{seed}-{key}"
