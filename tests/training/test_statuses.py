"""Every way in which a seed can end has its status and a reason that helps."""

import pytest
from training_folder import is_alive, wait_for

from mmbench.errors import InputError
from mmbench.files import read_json
from mmbench.views_file import write_views


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("raise ValueError('boom\\nbang')", "crashed", "ValueError: boom bang"),
        ("return y_pred[:-1]", "crashed", "expected shape (180,), got (179,)"),
        ("return y_pred.astype(float)", "crashed", "expected integers, got float64"),
        ("return y_pred + 1", "crashed", "expected clusters in 0..2, got 1..3"),
        (
            "log(0, loss=1.0, y_pred=y_pred[1:])",
            "crashed",
            "log: y_pred at epoch 0: expected shape",
        ),
        ("os.abort()", "crashed", "killed by signal 6 (Aborted)"),
        ("sys.exit(3)", "crashed", "the process ended with exit status 3 before the seed did"),
        ("log(0, loss=1.0); log(3, loss=float('nan'))", "diverged", "the loss is nan at epoch 3"),
        (
            "try: log(3, loss=float('inf'))\nexcept FloatingPointError: pass",
            "diverged",
            "the loss is inf at epoch 3",
        ),
        ("raise FloatingPointError('overflow')", "diverged", "overflow"),
        ("raise IncompatibleDataError('needs images')", "not_applicable", "needs images"),
        ("raise MemoryError", "out_of_memory", "MemoryError"),
        (
            'raise RuntimeError("DefaultCPUAllocator: can\'t allocate memory: 9 bytes")',
            "out_of_memory",
            "DefaultCPUAllocator",
        ),
        ("os.kill(os.getpid(), signal.SIGKILL)", "out_of_memory", "this is a guess"),
    ],
)
def test_a_seed_that_fails_ends_in_a_status_with_its_reason(cell, body, status, reason):
    run = cell.try_out(body)
    assert run.record.status == status
    assert reason in run.record.reason
    assert "\n" not in run.record.reason
    assert run.y_pred is None
    assert run.record.seconds["total"] >= 0


def test_an_allocation_beyond_the_limit_of_the_process_is_out_of_memory(cell):
    run = cell.try_out(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
        np.ones(2**29)
        """
    )
    assert run.record.status == "out_of_memory"
    assert "Unable to allocate 4.00 GiB" in run.record.reason


def test_a_seed_past_its_time_is_killed_with_what_it_started(cell):
    run = cell.try_out(
        """
        import subprocess
        helper = subprocess.Popen(["sleep", "60"])
        (folder / "pids").write_text(f"{os.getpid()} {helper.pid}")
        log(0, loss=2.5)
        while True:  # busy to the end, so that there is always something to hear of it
            print("the last words")
            time.sleep(0.001)
        """,
        timeout_minutes=6 / 60,
    )
    assert run.record.status == "timed_out"
    assert run.record.reason == "no result after 0.1 minutes"
    assert set(run.record.log_tail.splitlines()) == {"the last words"}
    assert run.record.losses == {"loss": [[0, 2.5]]}
    assert run.record.memory["host"] > 1e7
    for pid in (cell.folder / "pids").read_text().split():
        wait_for(lambda pid=pid: not is_alive(pid))


@pytest.mark.slow
def test_the_time_is_allowed_to_each_seed_and_one_that_fails_stops_no_other(cell):
    method = cell.method("time.sleep(60 if seed == 3 else 2.1)")
    told = cell.fit(cell.job(method, seeds=(0, 1, 2, 3, 4), timeout_minutes=6 / 60))
    assert [record.status for record in told] == ["ok", "ok", "ok", "timed_out", "ok"]
    assert [run.y_pred is None for run in cell.runs()] == [False, False, False, True, False]


def test_after_a_crash_the_other_seeds_are_trained_in_a_new_process(cell):
    method = cell.method(
        """
        log(0, pid=os.getpid())
        if seed == 1: os.abort()
        if seed == 3: raise ValueError("boom")
        """
    )
    told = cell.fit(cell.job(method, seeds=(0, 1, 2, 3, 4)))
    assert [r.status for r in told] == ["ok", "crashed", "ok", "crashed", "ok"]
    pids = [record.losses["pid"][0][1] for record in told]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_the_log_of_a_failed_seed_ends_in_its_traceback_and_holds_no_other_seeds_lines(cell):
    method = cell.method("print(f'this is seed {seed}'); 1 / (1 - seed)")
    told = cell.fit(cell.job(method, seeds=(0, 1)))
    assert told[0].log_tail == ""
    assert told[1].log_tail.startswith("this is seed 1\nTraceback")
    assert told[1].log_tail.endswith("ZeroDivisionError: division by zero")


def test_each_line_counts_to_the_seed_that_printed_it(cell):
    method = cell.method("print(f'this is seed {seed}'); log(0, loss=float('nan'))")
    told = cell.fit(cell.job(method, seeds=tuple(range(100))))
    assert [r.log_tail for r in told] == [f"this is seed {seed}" for seed in range(100)]


def test_data_that_one_seed_cannot_use_are_not_tried_with_the_others(cell):
    method = cell.method("(folder / f'ran-{seed}').touch(); raise IncompatibleDataError('no')")
    told = cell.fit(cell.job(method, seeds=(4, 5, 6)))
    assert [(r.seed, r.status, r.reason) for r in told] == [
        (seed, "not_applicable", "no") for seed in (4, 5, 6)
    ]
    assert [path.name for path in cell.folder.glob("ran-*")] == ["ran-4"]


def test_a_module_that_breaks_on_import_is_a_crash_of_every_seed(cell):
    method = cell.method("", imports="print('here'); 1 / 0")
    told = cell.fit(cell.job(method, seeds=(0, 1)))
    assert [r.reason for r in told] == ["ZeroDivisionError: division by zero"] * 2
    assert "here" in told[0].log_tail


def test_data_that_could_not_be_had_are_passed_on_without_training(cell):
    write_views(cell.views, {}, {"status": "data_unavailable", "reason": "nobody home"})
    told = cell.fit(cell.job(cell.method("(folder / 'ran').touch()"), seeds=(0, 1)))
    assert [(r.status, r.reason) for r in told] == [("data_unavailable", "nobody home")] * 2
    assert not (cell.folder / "ran").exists()
    assert [entry["status"] for entry in read_json(cell.block() / "runs.json")] == (
        ["data_unavailable"] * 2
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uses": "nowhere.py"}, "toy: expected a Python file at 'nowhere.py', found none"),
        ({"params": {"factr": 2}}, "toy: unknown key 'factr'; did you mean 'factor'"),
        ({"params": {"factor": "many"}}, "toy: factor: .*got 'many'"),
    ],
)
def test_a_mistake_in_the_entry_fails_the_job_in_one_line(cell, changes, message):
    job = cell.job(cell.method(""), **changes)
    with pytest.raises(InputError, match=message):
        cell.fit(job)
    assert not (cell.block() / "runs.json").exists()


def test_views_cut_short_fail_the_job_and_leave_nothing(cell):
    with cell.views.open("r+b") as file:
        file.truncate(cell.views.stat().st_size - 100)
    with pytest.raises(InputError, match=r"views.safetensors: .*cut short"):
        cell.fit(cell.job(cell.method("")))
    assert not (cell.folder / "block").exists()


def test_an_output_that_cannot_be_written_fails_the_job_but_keeps_the_finished_seed(cell):
    (cell.folder / "block").write_text("a file where a folder must be")
    job = cell.job(cell.method("(folder / f'ran-{time.monotonic_ns()}').touch()"))
    with pytest.raises(OSError, match="block"):
        cell.fit(job)
    assert [record.status for record in cell.fit(job, block="other")] == ["ok"]
    assert len(list(cell.folder.glob("ran-*"))) == 1


def test_a_part_that_cannot_be_written_fails_the_job_with_the_error_of_the_system(cell):
    method = cell.method("(folder / '.finished_seeds').write_text('a file where a folder must be')")
    with pytest.raises(NotADirectoryError, match=r"\.finished_seeds"):
        cell.fit(cell.job(method))
    assert not (cell.folder / "block").exists()
