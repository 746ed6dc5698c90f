#!/bin/sh
# Write alternative texts and captions for the images of a folder, and print them as Markdown.
# usage: run.sh [FOLDER [OUT]]     PNG, JPEG, GIF and WebP; only models with vision are asked
# Run it again after adding images: only new and changed ones are sent.
# Try it without a key: LLMO_PROFILE=offline sh run.sh
set -eu
here=$(dirname "$0")
folder=${1:-$here/images}
out=${2:-captions.jsonl}

llmo batch --files "$folder" --template "$here/caption.md" --id-field path \
  --max-cost 1.00 --tag job=captions -o "$out"
python3 "$here/gallery.py" "$out"
