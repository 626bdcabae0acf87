"""The benchmarks that one call of the workflow may be asked for."""

from pathlib import Path

from mmbench.config import read_benchmark
from mmbench.errors import InputError, unknown
from mmbench.plan.benchmark import Plan
from mmbench.plan.jobs import Jobs

PAPERS = Path("config/papers")


class Benchmarks:
    """The jobs of the configured benchmark and of the benchmarks of papers, by name.

    `config/papers/cmmc.yaml` is the benchmark `paper_cmmc`; `cmmc-tables.yaml` beside it is the
    layout of its tables. A paper's file is read only when something of it is asked for.

    Attributes:
        papers: the names of the benchmarks of papers.
    """

    def __init__(self, configured: Plan, folder: Path = PAPERS) -> None:
        self.configured = Jobs(configured)
        self._files = {
            f"paper_{path.stem}": path
            for path in sorted(folder.glob("*.yaml"))
            if not path.stem.endswith("-tables")
        }
        self.papers = tuple(self._files)
        self._jobs = {configured.benchmark.name: self.configured}

    def __getitem__(self, name: str) -> Jobs:
        """Return the jobs of a benchmark; the configured one may itself be that of a paper.

        Raises:
            InputError: there is none of that name, its file is wrong, or it uses a catalogue of
                data sets that the configured benchmark does not name.
        """
        if name not in self._jobs:
            self._jobs[name] = Jobs(self._paper(name))
        return self._jobs[name]

    def of_run(self, dataset: str, method: str, params_hash: str) -> Jobs:
        """Return the jobs of a benchmark that has a cell with these parameters.

        The papers that were not read are asked last, since reading them takes time.

        Raises:
            InputError: no benchmark has it.
        """
        unread = [name for name in self.papers if name not in self._jobs]
        for name in [*self._jobs, *unread]:
            if self[name].plan.has(dataset, method, params_hash):
                return self[name]
        raise InputError(
            f"{dataset}/{method}/{params_hash}: expected the parameters of a benchmark, but none"
            f" of {', '.join(self._jobs)} has them"
        )

    def layouts(self, name: str) -> list[str]:
        """Return the layout of the tables of a paper, as a list that is empty without one."""
        path = self._files.get(name)
        layout = path.with_name(f"{path.stem}-tables.yaml") if path else None
        return [str(layout)] if layout and layout.is_file() else []

    def _paper(self, name: str) -> Plan:
        if name not in self._files:
            names = [self.configured.plan.benchmark.name, *self.papers]
            raise unknown("benchmark", name, names, where="benchmarks of this workflow")
        path = self._files[name]
        benchmark = read_benchmark(path)
        if benchmark.name != name:
            raise InputError(f"{path}: name: expected {name!r}, got {benchmark.name!r}")
        # `fetch` and `prepare` find data sets in the catalogues of the configured benchmark
        known = self.configured.plan.benchmark.dataset_catalogues
        for catalogue in benchmark.dataset_catalogues:
            if catalogue not in known:
                raise InputError(
                    f"{path}: dataset_catalogues: {catalogue!r} is not a catalogue of the"
                    f" configured benchmark; run it by --configfile {path}"
                )
        return Plan(benchmark, where=str(path))
