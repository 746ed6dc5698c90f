"""
How much of a provider's limits is used, and how much refused? By hand: PYTHONPATH=. python tests/bench/limiter.py [ABCDEG].

Virtual time: 600 s measured after 120 s, five seeds, of which the lowest, the median and the highest are shown.
Scenario by policy: ours as configured, from headers alone, from headers that contradict themselves or what is enforced,
configured at twice the truth; two processes with one key, together; and what simple clients do. "before" are the 429s of the 120 s in which limits are found.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from functools import partial
from typing import Any

from tests.engine.test_limiter import TOTAL, A, B, C, D, E
from tests.limited import Fixed, Ours, Scenario, Several, measure

SEEDS = (1, 2, 3, 4, 5)
SCENARIOS = {
    "A total of tokens, settled, a minute's bucket": Scenario(**A),
    "B the same, never given back": Scenario(**B),
    "C 500 requests a minute, enforced per second": Scenario(**C),
    "D Anthropic: output tokens, 10 s bucket": Scenario(**D),
    "E another tenant uses 30 % in bursts": Scenario(**E),
    "G as A, 10 s bucket": Scenario(limits=TOTAL, burst=10.0),
}
OURS: dict[str, dict[str, Any]] = {
    "ours, configured, with headers": {"configured": 1.0},
    "ours, configured, no headers": {"configured": 1.0, "told": 0.0},
    "ours, headers only": {},
    "ours, headers of a minute": {"remaining": "minute"},
    "ours, headers with a reset of 1 s": {"remaining": "minute", "reset": 1.0},
    "ours, headers with a reset of 360 s": {"reset": 360.0},
    "ours, headers: never anything left": {"remaining": "none"},
    "ours, headers: always everything left": {"remaining": "full"},
    "ours, headers claim twice the truth": {"told": 2.0},
    "ours, headers claim half the truth": {"told": 0.5},
    "ours, configured twice, with headers": {"configured": 2.0},
    "ours, configured twice, no headers": {"configured": 2.0, "told": 0.0},
    "ours, nothing known": {"told": 0.0},
}
TWO: dict[str, dict[str, Any]] = {
    "two processes, configured": {"configured": 1.0},
    "two processes, headers only": {},
    "two processes, configured twice": {"configured": 2.0},
    "two processes, nothing known": {"told": 0.0},
}
SIMPLE = {
    "20 at once, exponential backoff": partial(Fixed, 20, told=False),
    "100 at once, exponential backoff": partial(Fixed, 100, told=False),
    "1000 at once, exponential backoff": partial(Fixed, 1000, told=False),
    "100 at once, Retry-After per row": partial(Fixed, 100, told=True),
}


def spread(values, form):
    low, *_, high = ordered = sorted(values)
    return " ".join(form.format(value) for value in (low, statistics.median(ordered), high))


def line(name, seen):
    used = spread([100 * one.utilization for one in seen], "{:5.1f}")
    refused = spread([one.refusals for one in seen], "{:6.2f}")
    early = statistics.median(one.early for one in seen)
    peak, wait = max(one.peak for one in seen), max(one.wait for one in seen)
    print(f"  {name:40s} {used}  {refused} {early:7d} {peak:8d} {wait:6.1f}", flush=True)


def main(chosen):
    for title, scenario in SCENARIOS.items():
        if title[0] not in chosen:
            continue
        print(
            f"{title}\n  {'':40s} {'used, %':>17s}  {'429s per 1,000':>20s} {'before':>7s} {'at once':>8s} {'p99 s':>6s}"
        )
        for name, told in OURS.items():
            case = replace(scenario, **told)
            line(name, [measure(case, partial(Ours, case, 400, seed), seed=seed) for seed in SEEDS])
        for name, told in TWO.items():
            case = replace(scenario, **told)
            line(name, [measure(case, partial(Several, case, 400, seed), seed=seed) for seed in SEEDS])
        for name, policy in SIMPLE.items():
            line(name, [measure(scenario, partial(policy, seed), seed=seed) for seed in SEEDS])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "ABCDEG")
