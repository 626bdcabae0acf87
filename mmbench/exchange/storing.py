"""Put runs from elsewhere under `results/runs`, and have Snakemake take them as they are."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mmbench.runs import Run, RunStore, SeedBlock, write_runs


def store_blocks(blocks: Sequence[tuple[SeedBlock, Sequence[Run]]]) -> None:
    """Write blocks that are not there yet: all of them, or none where writing fails.

    Args:
        blocks: each with the runs of its seeds.

    Raises:
        OSError: a file cannot be written.
    """
    store = RunStore()
    store.root.mkdir(parents=True, exist_ok=True)
    moved: list[Path] = []
    # beside the runs, not among them: a folder is moved in one step, whole
    with TemporaryDirectory(prefix=".storing-", dir=store.root.parent) as scratch:
        staged = []
        for position, (block, runs) in enumerate(blocks):
            folder = Path(scratch, str(position))
            write_runs(runs, folder)
            staged.append((folder, store.folder(block)))
        try:
            for folder, target in staged:
                target.mkdir(parents=True, exist_ok=True)
                for file in sorted(folder.iterdir()):  # assignments before records
                    os.replace(file, target / file.name)
                    moved.append(target / file.name)
        except BaseException:
            for path in moved:
                path.unlink(missing_ok=True)
            raise


def adopt(blocks: Sequence[SeedBlock], *, config: Path) -> str:
    """Have Snakemake treat stored blocks as if it had trained them itself, just now.

    It then trains them again when their method is edited, as it would its own. Without this
    it takes files that it knows nothing of as they are, for ever.

    Args:
        blocks: jobs of the benchmark.
        config: of the benchmark.

    Returns:
        An empty text, or in one line why Snakemake could not be told.
    """
    files = [str(RunStore().files(block)[0]) for block in blocks]  # one output stands for its job
    # no other rule: `--touch` would pass off as current what `prepare` is still to make
    return _snakemake(["--touch", "--force", "--allowed-rules", "fit", "--", *files], config)


def disown(blocks: Sequence[SeedBlock], *, config: Path) -> str:
    """Have Snakemake forget that it ever made these blocks, so that no edit replaces them.

    The arguments and what is returned are those of `adopt`.
    """
    files = [str(path) for block in blocks for path in RunStore().files(block)]
    told = _snakemake(["--cleanup-metadata", *files], config)
    return "" if "metadata was not present" in told else told


def _snakemake(arguments: Sequence[str], config: Path) -> str:
    if not Path("Snakefile").is_file():
        return ""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", str(config)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return " ".join(lines)[:500]
