"""Read plans (`llmo route --rows FILE --json`) and print them beside their prompts: table.py PROMPTS."""

import json
import sys
from pathlib import Path

with Path(sys.argv[1]).open(encoding="utf-8") as file:
    prompts = [line.strip() for line in file if line.strip()]
total = 0.0
print(f"{'task':10}{'first':18}{'then':18}{'expected':>11}  prompt")
for prompt, line in zip(prompts, sys.stdin, strict=True):
    plan = json.loads(line)
    ranked = [one for one in plan["candidates"] if one["rank"]]
    names = [f"{one['provider']}/{one['model']}" for one in ranked] or ["nobody"]
    cost = float(ranked[0]["cost"]["estimate_usd"] or 0) if ranked else 0.0
    total += cost
    mark = " (private)" if plan["private"] else ""
    print(f"{plan['task']:10}{names[0]:18}{' '.join(names[1:2]):18}{cost:11.6f}  {prompt[:50]}{mark}")
print(f"{'':46}{total:11.6f}  in all")
