"""Measures whole processes with hyperfine, as lines of JSON for scripts/bench/all."""

import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

RUNS = 2 if os.environ.get("BENCH_QUICK") else 7


def measure(command, prepare, warmup):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out.json")
        subprocess.run(
            ["hyperfine", "--warmup", str(warmup), "--runs", "1", "--shell=none", "--output=null", "--style=none",
             "--export-json", out, "--prepare", prepare, "--", command],
            check=True, stdout=subprocess.DEVNULL)
        return json.loads(out.read_text())["results"][0]


def in_turns(*commands):
    """The seconds of each run of each command, and the average CPU seconds. A command is a string, or a pair with a
    command to run before each run."""
    commands = [(command, "true") if isinstance(command, str) else command for command in commands]
    rounds = [[measure(*command, warmup=int(turn == 0)) for command in commands] for turn in range(RUNS)]
    return [
        {
            "unit": "s",
            "samples": [run["times"][0] for run in runs],
            "cpu": statistics.fmean(run["user"] + run["system"] for run in runs),
        }
        for runs in zip(*rounds)
    ]


def report(name, measured, peer=None, theirs=None):
    row = {"name": name} | measured
    if peer:
        row |= {"peer": peer, "theirs": theirs["samples"]}
    print(json.dumps(row), flush=True)


def most_memory(pid):
    """The peak memory of a process so far, in MiB. `wait4` may report that of its parent."""
    found = re.search(r"VmHWM:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0


def peak(command):
    """The peak memory of a process, in MiB."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        most = max(most, most_memory(process.pid))
        time.sleep(0.001)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return {"unit": "MiB", "samples": [most]}
