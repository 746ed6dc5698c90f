"""Read a log, and print its events as JSON lines: what differs only in time and numbers is one event, and counted."""

import json
import re
import sys
from collections import Counter

TIME = re.compile(r"^\S*\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\S*\s+|^\w{3} +\d+ \d\d:\d\d:\d\d ")
NUMBER = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)*", re.IGNORECASE)

events = (NUMBER.sub("N", TIME.sub("", line.strip())) for line in sys.stdin)
for event, count in Counter(filter(None, events)).items():
    print(json.dumps({"event": event, "count": count}))
