"""Jobs share the devices of a machine without ever sharing a slot, or leaving one idle."""

import os
import subprocess
import threading
import time
from itertools import pairwise

import pytest
from training_folder import wait_for

from mmbench.training import devices
from mmbench.training.devices import leased

SMI = """\
GPU 0: NVIDIA H100 (UUID: GPU-aaaa-0)
GPU 1: NVIDIA H100 (UUID: GPU-bbbb-1)
  MIG 1g.10gb     Device  0: (UUID: MIG-cccc-2)
  MIG 1g.10gb     Device  1: (UUID: MIG-dddd-3)
"""


@pytest.fixture
def simulated(monkeypatch, tmp_path):
    """Set how many devices are made up."""
    monkeypatch.setenv("MMBENCH_LOCKS", str(tmp_path / "locks"))
    return lambda n: monkeypatch.setenv("MMBENCH_SIMULATED_DEVICES", str(n))


@pytest.fixture
def nvidia(monkeypatch, tmp_path):
    """A machine whose nvidia-smi lists two GPUs, one of them cut into two instances."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{SMI}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("MMBENCH_SIMULATED_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return monkeypatch


def lease_in_background(gpus, slots=1):
    """Lease in a thread; return its lease once it has one, and what ends it."""
    found, done = [], threading.Event()

    def hold():
        with leased(gpus, slots) as lease:
            found.append(lease)
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()

    def end():
        done.set()
        thread.join()

    return found, end


def test_eight_jobs_on_two_devices_never_overlap_and_leave_none_idle(cell, monkeypatch):
    monkeypatch.setenv("MMBENCH_SIMULATED_DEVICES", "2")
    method = cell.method(
        """
        begins = time.monotonic()
        time.sleep(1)
        told = [os.environ["CUDA_VISIBLE_DEVICES"], begins, time.monotonic()]
        (folder / f"interval-{seed}").write_text(" ".join(map(str, told)))
        """
    )
    jobs = [cell.job(method, seeds=(seed,), gpus=1) for seed in range(8)]
    running = [cell.start(job, block=f"block-{job.seeds[0]}") for job in jobs]
    assert [process.communicate(timeout=120)[0] for process in running] == ["['ok']\n"] * 8

    by_device = {"0": [], "1": []}
    for seed in range(8):
        (run,) = cell.runs(f"block-{seed}")
        name, begins, ends = (cell.folder / f"interval-{seed}").read_text().split()
        assert run.record.device == f"simulated:{name}"
        # the process starts as soon as the device is there
        leased_at = float(begins) - run.record.seconds["setup"]
        by_device[name].append((leased_at, float(ends), run.record.seconds["waiting"]))
    for intervals in by_device.values():
        intervals.sort()
        assert len(intervals) >= 3
        for (_, ends, _), (begins, _, waited) in pairwise(intervals):
            assert ends < begins, "no overlap"
            assert begins - ends < 1.5 or waited < 0.1, "no idle device while a job waits"


def test_a_device_that_comes_free_is_taken_at_once(simulated):
    simulated(2)
    held = []

    def hold():
        with leased(1) as lease:
            begins = time.monotonic()
            time.sleep(0.5)
            held.append((lease.devices[0], begins, time.monotonic()))

    threads = [threading.Thread(target=hold) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for device in ("0", "1"):
        intervals = sorted(times for name, *times in held if name == device)
        assert len(intervals) == 4
        assert all(0 < begins - ends < 0.4 for (_, ends), (begins, _) in pairwise(intervals))


def test_a_lease_ends_only_when_every_process_that_inherited_it_is_gone(simulated):
    simulated(1)
    with leased(1) as lease:
        child = subprocess.Popen(["sleep", "60"], pass_fds=lease.files)
    found, end = lease_in_background(1)
    with pytest.raises(AssertionError, match="not within"):
        wait_for(lambda: found, seconds=0.3)
    child.kill()
    child.wait()
    assert wait_for(lambda: found, seconds=5)[0].devices == ("0",)
    assert found[0].waited > 0.3
    end()


def test_the_process_that_trains_inherits_the_lease(cell, simulated):
    simulated(1)
    files = "[os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')]"
    run = cell.try_out(f"print([Path(f).name for f in {files}]); 1 / 0", gpus=1)
    assert "'gpu-0'" in run.record.log_tail


def test_a_job_that_needs_two_devices_gets_them_between_jobs_that_need_one(simulated):
    simulated(2)
    first, end_first = lease_in_background(1)
    wait_for(lambda: first)
    both, end_both = lease_in_background(2)
    with pytest.raises(AssertionError, match="not within"):
        wait_for(lambda: both, seconds=0.3)
    late, end_late = lease_in_background(1)  # a device is free, but it came later
    with pytest.raises(AssertionError, match="not within"):
        wait_for(lambda: late, seconds=0.3)
    end_first()
    assert sorted(wait_for(lambda: both, seconds=5)[0].devices) == ["0", "1"]
    assert not late
    end_both()
    wait_for(lambda: late, seconds=5)
    end_late()


def test_small_jobs_share_a_device_but_spread_first(simulated):
    simulated(2)
    with leased(1, 2) as a, leased(1, 2) as b, leased(1, 2) as c, leased(1, 2) as d:
        assert [lease.devices for lease in (a, b, c, d)] == [("0",), ("1",), ("0",), ("1",)]
        fifth, end = lease_in_background(1, 2)
        with pytest.raises(AssertionError, match="not within"):
            wait_for(lambda: fifth, seconds=0.3)
    wait_for(lambda: fifth, seconds=5)
    end()


def test_a_job_that_shares_with_none_waits_until_a_device_is_empty(simulated):
    simulated(1)
    with leased(1, 2):
        alone, end = lease_in_background(1)
        with pytest.raises(AssertionError, match="not within"):
            wait_for(lambda: alone, seconds=0.3)
    wait_for(lambda: alone, seconds=5)
    end()


def test_without_a_device_or_a_wish_for_one_the_job_runs_on_the_cpu(simulated, monkeypatch):
    simulated(2)
    with leased(0) as lease:
        assert (lease.devices, lease.has_gpu, lease.files) == ((), False, ())
    simulated(0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with leased(1) as lease:
        assert (lease.devices, lease.has_gpu) == ((), False)


def test_more_devices_than_there_are_means_all_of_them(simulated):
    simulated(2)
    with leased(5) as lease:
        assert lease.devices == ("0", "1")
        assert not lease.has_gpu, "they are made up"


def test_devices_are_named_so_that_every_job_means_the_same_by_it(nvidia):
    assert devices.available() == ["GPU-aaaa-0", "MIG-cccc-2", "MIG-dddd-3"]
    nvidia.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert devices.available() == ["GPU-bbbb-1"]
    nvidia.setenv("CUDA_VISIBLE_DEVICES", "MIG-dddd-3,0")
    assert devices.available() == ["MIG-dddd-3", "GPU-aaaa-0"]
    nvidia.setenv("CUDA_VISIBLE_DEVICES", "0,-1,1")
    assert devices.available() == ["GPU-aaaa-0"]
    nvidia.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices.available() == []


def test_made_up_devices_come_before_real_ones(nvidia):
    nvidia.setenv("MMBENCH_SIMULATED_DEVICES", "2")
    assert devices.available() == ["simulated:0", "simulated:1"]


def test_a_leased_gpu_that_torch_cannot_see_is_said_and_the_cpu_is_used(cell, nvidia):
    run = cell.try_out("print(device); 1 / 0", imports="import torch", gpus=1)
    assert "training on the CPU" in run.record.log_tail
    assert "cpu" in run.record.log_tail.splitlines()


def test_a_method_without_torch_is_told_of_its_gpu(cell, nvidia):
    run = cell.try_out("print(device, os.environ['CUDA_VISIBLE_DEVICES']); 1 / 0", gpus=1)
    assert run.record.log_tail.startswith("cuda GPU-aaaa-0")
