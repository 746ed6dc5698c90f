"""Write the answers of a batch over files as files: write.py JOURNAL FROM TO. The last answer of each file counts."""

import json
import sys
from pathlib import Path

journal, folder, target = map(Path, sys.argv[1:])
with journal.open(encoding="utf-8") as file:
    rows = {row["id"]: row for row in map(json.loads, file)}
for name, row in rows.items():
    if row["status"] != "ok":
        print(f"{name}: {row['status']}, not written", file=sys.stderr)
        continue
    path = target / Path(name).resolve().relative_to(folder.resolve())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(row["text"].rstrip("\n") + "\n", "utf-8")
    print(path)
