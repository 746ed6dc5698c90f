"""Print a batch over images as Markdown, with alternative texts and captions."""

import json
import sys
from pathlib import Path

with Path(sys.argv[1]).open(encoding="utf-8") as file:
    rows = {row["id"]: row for row in map(json.loads, file) if row["status"] == "ok"}
for path, row in sorted(rows.items()):
    found = row["data"]
    alt = found["alt"].replace("[", "(").replace("]", ")")
    print(f"![{alt}](<{path}>)\n\n{found['caption']}\n")
