"""Whole processes measured by hyperfine, as lines of JSON for scripts/bench."""

import json
import os
import pathlib
import statistics
import subprocess
import tempfile

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
    """Seconds of each run of each command, and CPU seconds on average. A command is a string, or a pair with the
    command that comes before each run."""
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


def tell(name, measured, peer=None, theirs=None):
    row = {"name": name} | measured
    if peer:
        row |= {"peer": peer, "theirs": theirs["samples"]}
    print(json.dumps(row), flush=True)


def peak(command):
    """The most memory that a process has, in MiB."""
    with open(os.devnull, "wb") as nothing:
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, nothing.fileno(), 1)])
        _, status, used = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{command} failed")
    return {"unit": "MiB", "samples": [used.ru_maxrss / 1024]}
