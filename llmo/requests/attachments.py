"""What a file is sent as: an image, text, or not at all; one rule for `ask -f` and `batch --files`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.errors import UsageError
from llmo.types.messages import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGES: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
ONLY = "only UTF-8 text and PNG, JPEG, GIF, WebP images can be sent"


def read(name: str, data: bytes) -> Image | str:
    """The image or the text that a file holds. Raises `UsageError` naming a file that is neither."""
    media_type = _media_type(data)
    return text(name, data) if media_type is None else Image(last(name), media_type, data)


def text(name: str, data: bytes) -> str:
    """The text of a file. Raises `UsageError` naming one that holds none."""
    if data.startswith(b"%PDF"):
        raise UsageError(f"PDF files are not supported: {name}", hint="convert it to text, for example with pdftotext")
    if b"\0" in data:
        raise UsageError(f"binary file: {name}", hint=ONLY)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        why = f"byte {exc.start + 1} is 0x{data[exc.start]:02x}"
        raise UsageError(f"{name}: not UTF-8 text: {why}", hint="convert it with iconv -t UTF-8") from None


def last(name: str) -> str:
    """The last part of a path or of a URL."""
    return name.replace("\\", "/").rpartition("/")[2]


def _media_type(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in IMAGES.items() if data.startswith(magic)), None)
