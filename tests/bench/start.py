"""
CPU and memory of starting programs, in turns: `python tests/bench/start.py "llm --help" "llmo --help"`.

Printed are the medians of ten runs each, after one that is not counted. Compare within one run.
"""

from __future__ import annotations

import json
import shlex
import statistics
import subprocess
import sys

RUNS = 10
CHILD = """
import json, resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


def once(command: str) -> tuple[float, float]:
    """CPU seconds and megabytes at the peak."""
    run = subprocess.run([sys.executable, "-c", CHILD, *shlex.split(command)], capture_output=True, check=True)
    seconds, megabytes = json.loads(run.stdout)
    return seconds, megabytes


def main() -> None:
    """Measure what the command line names."""
    commands = sys.argv[1:]
    for command in commands:
        once(command)
    found = [[once(command) for command in commands] for _ in range(RUNS)]
    for number, command in enumerate(commands):
        cpu, memory = (statistics.median(run[number][column] for run in found) for column in (0, 1))
        print(f"{cpu * 1000:8.0f} ms {memory:6.0f} MB  {command}")


if __name__ == "__main__":
    main()
