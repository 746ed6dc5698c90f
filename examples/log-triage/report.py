"""Print the events of a log with what a model said of them, worst first: report.py EVENTS ANSWERS."""

import json
import sys
from pathlib import Path

ORDER = ("outage", "degraded", "notice", "noise")

with Path(sys.argv[1]).open(encoding="utf-8") as file:
    events = {event["event"]: event["count"] for event in map(json.loads, file)}
with Path(sys.argv[2]).open(encoding="utf-8") as file:
    answers = {row["id"]: row["data"] for row in map(json.loads, file) if row["status"] == "ok"}
for event in sorted(events.keys() & answers.keys(), key=lambda one: (ORDER.index(answers[one]["severity"]), one)):
    found = answers[event]
    print(f"{found['severity']:9}{events[event]:>5} x  {event[:90]}")
    print(f"{'':18}cause: {found['cause']}")
    print(f"{'':18}next:  {found['action']}")
if missing := len(events) - len(events.keys() & answers.keys()):
    print(f"{missing} of {len(events)} events have no answer yet: run the same command again", file=sys.stderr)
