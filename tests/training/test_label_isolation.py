"""No label reaches a training, and a method that reaches for them is caught."""

import pytest
from label_tracing import label_accesses

# each finds the labels by what it knows of its surroundings, not by anything it was given
CHEATS = {
    "by the current directory": "path = Path('/proc/self/cwd/data/samples.csv')",
    "beside the mapped views": """
        mapped = [line.split()[-1] for line in open("/proc/self/maps") if "safetensors" in line]
        path = Path(mapped[0]).parent / "samples.csv"
    """,
    "through another name": """
        path = folder / "innocent"
        path.symlink_to(folder / "data" / "".join(["sam", "ples", ".csv"]))
    """,
    "in another process": """
        import subprocess
        copied = subprocess.run(["cp", "data/samples.csv", "copy"], check=True)
        path = Path("copy")
    """,
}
READ = """
labels = np.loadtxt(path, delimiter=",", skiprows=1, usecols=1, dtype=int)
return labels
"""


@pytest.fixture
def labelled(cell, paired_blobs, monkeypatch):
    """The cell as `prepare` leaves it, with the labels beside the views."""
    rows = "\n".join(f"{i},{label}" for i, label in enumerate(paired_blobs[1]))
    (cell.folder / "data" / "samples.csv").write_text(f"sample,label\n{rows}\n")
    monkeypatch.chdir(cell.folder)
    return cell


def test_a_training_needs_no_labels(cell):
    assert list(cell.views.parent.iterdir()) == [cell.views]
    assert cell.try_out("log(0, loss=1.0)").record.status == "ok"


def test_a_training_opens_no_labels(labelled):
    command, told = labelled.command(labelled.job(labelled.method("log(0, loss=1.0)")))
    assert label_accesses(command, stdin=told, cwd=labelled.folder) == []
    assert labelled.runs()[0].record.status == "ok"


@pytest.mark.parametrize("how", CHEATS)
def test_a_method_that_reads_labels_is_caught(labelled, how, paired_blobs):
    import textwrap

    body = textwrap.dedent(CHEATS[how]) + READ
    command, told = labelled.command(labelled.job(labelled.method(body)))
    assert label_accesses(command, stdin=told, cwd=labelled.folder)
    (run,) = labelled.runs()
    assert run.record.status == "ok", run.record.reason
    assert list(run.y_pred) == list(paired_blobs[1]), "the cheat worked, and was seen"
