"""The benchmarks that one call of the workflow may be asked for."""

from pathlib import Path

from mmbench.config import read_benchmark
from mmbench.errors import InputError, unknown
from mmbench.plan.benchmark import Plan
from mmbench.plan.seed_blocks import RUNS, RunId

PAPERS = Path("config/papers")


class Plans:
    """The configured benchmark and those of papers, by name.

    `config/papers/cmmc.yaml` is the benchmark `paper_cmmc`; `cmmc-tables.yaml` beside it only
    lays out its tables. A paper's file is read when something of it is asked for, so that it
    costs the others nothing.

    Attributes:
        configured: the benchmark of the config file.
        papers: the names of the benchmarks of papers.
    """

    def __init__(self, configured: Plan, folder: Path = PAPERS) -> None:
        self.configured = configured
        self._files = {
            f"paper_{path.stem}": path
            for path in sorted(folder.glob("*.yaml"))
            if not path.stem.endswith("-tables")
        }
        self.papers = tuple(self._files)
        self._read = {configured.benchmark.name: configured}

    def __getitem__(self, name: str) -> Plan:
        """Return a benchmark by name; the configured one may be that of a paper, changed.

        Raises:
            InputError: there is none of that name, its file is wrong, or it has data sets
                from a catalogue that the configured benchmark does not name.
        """
        if name not in self._read:
            self._read[name] = self._paper(name)
        return self._read[name]

    def of_run(self, run: RunId) -> Plan:
        """Return a benchmark that has a run of these settings.

        The configured one is asked first, then the papers that have been read, then the
        others: a job on another machine begins with the configured benchmark alone.

        Raises:
            InputError: none has.
        """
        for name in (*self._read, *(name for name in self.papers if name not in self._read)):
            plan = self[name]
            if plan.has(run):
                return plan
        raise InputError(
            f"{RUNS / run.dataset / run.method / run.params_hash}: expected settings of a benchmark,"
            f" but none of {', '.join(self._read)} has them"
        )

    def layouts(self, name: str) -> list[str]:
        """Return the file that lays out the tables of a paper, where the benchmark is one's."""
        path = self._files.get(name)
        layout = path.with_name(f"{path.stem}-tables.yaml") if path else None
        return [str(layout)] if layout and layout.is_file() else []

    def _paper(self, name: str) -> Plan:
        if name not in self._files:
            names = [self.configured.benchmark.name, *self.papers]
            raise unknown("benchmark", name, names, where="benchmarks of this workflow")
        path = self._files[name]
        benchmark = read_benchmark(path)
        if benchmark.name != name:
            raise InputError(f"{path}: name: expected {name!r}, got {benchmark.name!r}")
        # one process of the workflow knows data sets by the catalogues of the configured one
        known = self.configured.benchmark.dataset_catalogues
        for catalogue in benchmark.dataset_catalogues:
            if catalogue not in known:
                raise InputError(
                    f"{path}: dataset_catalogues: {catalogue!r} is none of the configured"
                    f" benchmark's; run it by --configfile {path}"
                )
        return Plan(benchmark, where=str(path))
