"""Whole processes measured by hyperfine, as lines of JSON for scripts/bench."""

import json
import os
import pathlib
import subprocess
import tempfile

RUNS = 2 if os.environ.get("BENCH_QUICK") else 7


def run(command, prepare="true"):
    """Seconds of each run of a command, and CPU seconds on average."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out.json")
        subprocess.run(
            ["hyperfine", "--warmup", "1", "--runs", str(RUNS), "--shell=none", "--output=null", "--style=none",
             "--export-json", out, "--prepare", prepare, "--", command],
            check=True, stdout=subprocess.DEVNULL)
        result = json.loads(out.read_text())["results"][0]
    return {"unit": "s", "samples": result["times"], "cpu": result["user"] + result["system"]}


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
