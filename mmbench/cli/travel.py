"""Commands for results that travel: verify, manifest, import, merge, diff and export."""

import argparse
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmbench.cli.common import PROCESSED, Commands, add_command, add_json, print_json, print_rows
from mmbench.config import read_benchmark
from mmbench.errors import InputError, unknown
from mmbench.runs import RunStore

_DEFAULT_CONFIG = Path("config/config.yaml")


def add_commands(commands: Commands) -> None:
    """Declare verify, manifest, import, merge, diff and export."""
    verify_ = add_command(
        commands, verify, name="verify", example="mmbench verify --sample 5 --benchmark default"
    )
    which = verify_.add_mutually_exclusive_group()
    which.add_argument("--config", type=Path, metavar="FILE", help="only runs of this benchmark")
    which.add_argument("--benchmark", metavar="NAME", help="only runs in results/NAME")
    verify_.add_argument("--sample", type=int, default=5, metavar="N", help="runs (default: 5)")
    verify_.add_argument(
        "--seed-of-sample", type=int, default=0, metavar="N", help="other runs (default: 0)"
    )
    verify_.add_argument(
        "--files", action="store_true", help="train nothing; check the files of the manifests"
    )
    add_json(verify_)

    manifest_ = add_command(commands, manifest, name="manifest", example="mmbench manifest")
    _add_config(manifest_)
    add_json(manifest_)

    import_ = add_command(
        commands,
        import_file,
        name="import",
        example="mmbench import theirs.csv --method their-method --dataset handwritten-2view",
    )
    import_.add_argument("file", type=Path, metavar="FILE", help="a .csv or an .npz")
    import_.add_argument("--method", required=True, help="an entry with uses: imported")
    import_.add_argument("--dataset", required=True, help="a name from the catalogue")
    import_.add_argument("--seed", type=int, help="of the run, if FILE does not say (default: 0)")
    import_.add_argument(
        "--order",
        choices=["source", "stored"],
        help="of an .npz: as in the original file, or as in samples.csv (no default)",
    )
    _add_config(import_)
    add_json(import_)

    merge_ = add_command(
        commands, merge, name="merge", example="mmbench merge ../from-node7 --from node7"
    )
    merge_.add_argument("folder", type=Path, metavar="DIR", help="laid out as results/runs")
    merge_.add_argument(
        "--from", default="", dest="origin", metavar="NAME", help="the machine (default: its name)"
    )
    _add_config(merge_)
    add_json(merge_)

    diff_ = add_command(commands, diff, name="diff", example="mmbench diff v0.1.0 HEAD")
    for side in ("before", "after"):
        diff_.add_argument(side, metavar=side[0].upper(), help="a folder of results, or a commit")
    diff_.add_argument(
        "--benchmark", default="default", metavar="NAME", help="which (default: default)"
    )
    diff_.add_argument("--metrics", nargs="+", default=["acc", "nmi", "ari"], metavar="METRIC")
    add_json(diff_)


def verify(arguments: argparse.Namespace) -> int:
    """Train a sample of the stored runs again, and compare the results.

    The verdicts are identical (the same bits), same partition (numbered differently), within
    tolerance (ACC, NMI and ARI each within 0.01) and different, which makes the exit status 1.
    Results stay as they are. Runs whose source or data have changed since are counted and
    left out. The sample is drawn by --seed-of-sample, so that it can be drawn again.
    """
    if arguments.files:
        return _verify_files(arguments)
    from mmbench.exchange import verifying

    if arguments.sample < 1:
        raise InputError(f"verify: --sample: expected at least 1, got {arguments.sample}")
    sound, left_out = verifying.sort_out(_stored_blocks(arguments), processed=PROCESSED)
    chosen = verifying.sample(sound, arguments.sample, seed=arguments.seed_of_sample)
    if not chosen:
        told = ", ".join(f"{n} {why}" for why, n in left_out.items()) or "none is stored"
        raise InputError(f"verify: expected stored runs that can be trained again: {told}")
    verdicts = []
    for number, run in enumerate(chosen, start=1):
        name = f"{run.block.method} on {run.block.dataset}, seed {run.record.seed}"
        print(f"{number}/{len(chosen)} {name}", file=sys.stderr)
        verdicts.append(verifying.verify(run, processed=PROCESSED))
    counts = Counter(verdict.verdict for verdict in verdicts)
    if arguments.json:
        print_json(
            {
                "seed_of_sample": arguments.seed_of_sample,
                "could_be_verified": len(sound),
                "left_out": left_out,
                "verdicts": [asdict(verdict) for verdict in verdicts],
            }
        )
    else:
        print_rows([_verdict_row(verdict) for verdict in verdicts])
        told = ", ".join(f"{n} {word}" for word, n in counts.items())
        drawn = f"{len(chosen)} of {len(sound)} runs, drawn by --seed-of-sample"
        print(f"\n{drawn} {arguments.seed_of_sample}: {told}")
        for why, n in left_out.items():
            print(f"left out: {n} {why}")
    return int("different" in counts)


def manifest(arguments: argparse.Namespace) -> None:
    """Write results/{benchmark}/manifest.json: every file of a result, with its sha256.

    With it are the config, the versions, the commit, the checksums of the data and the
    selection. `mmbench verify --files` checks the files against it.
    """
    from mmbench.exchange.manifest import write_manifest
    from mmbench.files import read_json

    path = write_manifest(_jobs(arguments.config), processed=PROCESSED)
    files = read_json(path)["files"]
    told = {"manifest": str(path), "files": len(files)}
    told["bytes"] = sum(file["bytes"] for file in files.values())
    print_rows([told], as_json=arguments.json)


def import_file(arguments: argparse.Namespace) -> None:
    """Show assignments that were made elsewhere as a row of the tables, marked as imported.

    FILE is a .csv with the columns `sample` (as in samples.csv) or `source_row` (of the
    original file, from 0), `cluster`, and `seed` if there are several runs; or an .npz with
    y_pred, or seed_0, seed_1, …, and --order. The method needs an entry with `uses: imported`.
    """
    from mmbench.exchange.importing import import_runs
    from mmbench.exchange.storing import disown

    blocks = import_runs(
        arguments.file,
        _jobs(arguments.config).plan,
        method=arguments.method,
        dataset=arguments.dataset,
        processed=PROCESSED,
        seed=arguments.seed,
        order=arguments.order,
    )
    _warn(disown(blocks, config=arguments.config) if blocks else "")
    if not blocks and not arguments.json:
        print("nothing is new: the same assignments were imported before")
        return
    rows = [
        {"dataset": b.dataset, "method": b.method, "stored": str(RunStore().folder(b))}
        for b in blocks
    ]
    print_rows(rows, as_json=arguments.json)


def merge(arguments: argparse.Namespace) -> int:
    """Take over the runs of another machine; tables mark them with its name.

    Runs of other data, of another selection or of another source of their method are refused,
    and then nothing is written. A run that is here already is never replaced: where theirs is
    another, it is listed as a conflict, and the exit status is 1.
    """
    from mmbench.exchange.merging import merge as merge_runs
    from mmbench.exchange.storing import adopt

    jobs = _jobs(arguments.config)
    merged, blocks = merge_runs(
        arguments.folder, jobs.plan, processed=PROCESSED, origin=arguments.origin
    )
    wanted = set(jobs.all_blocks)
    mine = [block for block in blocks if block in wanted]
    _warn(adopt(mine, config=arguments.config) if mine else "")
    if arguments.json:
        print_json([asdict(run) for run in merged])
    else:
        print_rows([asdict(run) for run in merged if run.verdict == "conflict"] or _counts(merged))
        if len(mine) < len(blocks):
            print(f"{len(blocks) - len(mine)} blocks are of settings that {arguments.config} lacks")
    return int(any(run.verdict == "conflict" for run in merged))


def diff(arguments: argparse.Namespace) -> None:
    """Show what changed between two results: each a folder of results or a commit of git.

    For each cell the difference of the means, with Welch's 95 % interval over seeds, the
    largest first; then rows that came or went, parameters that changed, and seeds that ended
    otherwise.
    """
    from mmbench.exchange import differences

    sides = [
        differences.read_side(name, arguments.benchmark)
        for name in (arguments.before, arguments.after)
    ]
    known = {*differences.METRICS, *(place.metric for side in sides for place in side.scores)}
    for metric in arguments.metrics:
        if metric not in known:
            raise unknown("metric", metric, known, where="diff: --metrics")
    found = differences.compare(*sides, metrics=arguments.metrics)
    if arguments.json:
        print_json(asdict(found))
        return
    if found.changes:
        print_rows([_change_row(change) for change in found.changes])
        print()
    print(f"{len(found.changes)} cells changed, {found.same} did not")
    for word, cells in (("added", found.added), ("removed", found.removed)):
        for dataset, method in cells:
            print(f"{word}: {method} on {dataset}")
    for word, changed in (("params_hash", found.params_hash), ("seeds", found.statuses)):
        for dataset, method, before, after in changed:
            print(f"{word} of {method} on {dataset}: {before} -> {after}")


def _verify_files(arguments: argparse.Namespace) -> int:
    from mmbench.exchange.manifest import NAME, check_manifest

    if arguments.config:
        names = [read_benchmark(arguments.config).name]
    elif arguments.benchmark:
        names = [arguments.benchmark]
    else:
        names = [path.parent.name for path in sorted(Path("results").glob(f"*/{NAME}"))]
    if not names:
        raise InputError(f"results: expected a {NAME} of a benchmark, found none")
    faults = [fault for name in names for fault in check_manifest(Path("results", name, NAME))]
    if arguments.json or faults:
        print_rows([asdict(fault) for fault in faults], as_json=arguments.json)
    if not arguments.json:
        counts = Counter(fault.fault for fault in faults)
        told = ", ".join(f"{n} {word}" for word, n in counts.items()) or "every file is as listed"
        print(f"{', '.join(names)}: {told}")
    return int(bool(faults))


def _stored_blocks(arguments: argparse.Namespace) -> Any:
    """Return the stored blocks that the arguments speak of."""
    from mmbench.exchange.verifying import blocks_of_benchmark

    if arguments.config:
        jobs = _jobs(arguments.config)
        return [block for block in jobs.all_blocks if jobs.store.has(block)]
    if arguments.benchmark:
        return blocks_of_benchmark(Path("results", arguments.benchmark))
    return RunStore().blocks()


def _verdict_row(verdict: Any) -> dict[str, Any]:
    row = {key: getattr(verdict, key) for key in ("dataset", "method", "seed", "verdict")}
    for metric in ("acc", "nmi", "ari"):
        change = verdict.differences.get(metric)
        row[f"{metric} change"] = None if change is None else f"{change:+.4f}"
    return {**row, "note": verdict.note}


def _change_row(change: Any) -> dict[str, Any]:
    place = change.place
    known = change.low is not None
    return {
        "dataset": place.dataset,
        "method": place.method if place.row == "all" else f"{place.method}: {place.row}",
        "metric": place.metric if place.subset == "all" else f"{place.metric}, {place.subset}",
        "before": f"{change.before:.3f}",
        "after": f"{change.after:.3f}",
        "difference": f"{change.difference:+.3f}",
        "95 % interval": f"[{change.low:+.3f}, {change.high:+.3f}]" if known else "one seed",
    }


def _counts(merged: Any) -> list[dict[str, Any]]:
    """Return how many seeds of each cell met which fate."""
    counts = Counter((run.dataset, run.method, run.params_hash, run.verdict) for run in merged)
    keys = ("dataset", "method", "params_hash", "verdict")
    return [{**dict(zip(keys, cell, strict=True)), "seeds": n} for cell, n in counts.items()]


def _jobs(config: Path) -> Any:
    from mmbench.plan import Jobs, Plan

    return Jobs(Plan(read_benchmark(config), where=str(config)))


def _warn(told: str) -> None:
    """Tell why Snakemake does not know of what was stored; the runs themselves are in place."""
    if told:
        print(f"mmbench: stored, but Snakemake could not be told: {told}", file=sys.stderr)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=_DEFAULT_CONFIG,
        metavar="FILE",
        help="the benchmark (default: config/config.yaml)",
    )
