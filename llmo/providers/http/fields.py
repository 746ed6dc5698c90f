"""
Bytes to messages and back: SSE and NDJSON framing, JSON, and addresses.

Framing works on bytes: `str.splitlines`, and with it `httpx.Response.iter_lines`, also breaks
lines at U+2028, U+2029 and U+0085, which may stand raw inside JSON strings.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from json.encoder import JSONEncoder
from typing import TYPE_CHECKING, Any
from urllib.parse import urlunsplit

from llmo.errors import Rejected
from llmo.providers.transports.transport import split
from llmo.types import jsontext
from llmo.types.events import MOST_COUNTED
from llmo.types.money import MOST, pico

if TYPE_CHECKING:
    from llmo.types.messages import Image
    from llmo.types.money import Pico

BODY_LIMIT = 64 * 2**20
_BOM = b"\xef\xbb\xbf"

# Control characters inside strings are taken: llama.cpp's grammar sampling sends them raw.
_decode = jsontext.quick(json.JSONDecoder(strict=False))


def read(data: bytes) -> Any:
    """
    The JSON value in `data`; raises `ValueError`.

    Bad UTF-8 costs the broken character, not the answer.
    """
    text = str(data.removeprefix(_BOM), "utf-8", "replace")
    try:
        try:
            return _decode(text)
        except json.JSONDecodeError:
            raise
        except ValueError:
            # Python reads no integer of more than 4,300 digits; the rest of the answer is still good.
            return json.JSONDecoder(strict=False, parse_int=float).decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"not JSON: {type(value).__name__}")


_encode = JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain).encode


def write(value: Any) -> bytes:
    """JSON for the wire. Raises `Rejected` for text that is not Unicode and numbers that are not finite."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        raise Rejected("the request contains text that is not valid Unicode: a lone surrogate") from None
    except RecursionError:
        raise Rejected("the request cannot be written as JSON: nested too deeply") from None
    except (ValueError, TypeError) as exc:
        raise Rejected(f"the request cannot be written as JSON: {exc}") from None


class Attachments:
    """
    Images beside a body.

    Base64 needs no JSON escapes, so the body holds marks, and the bytes are put in their place
    at the end: one copy of an image instead of four.
    """

    def __init__(self) -> None:
        self._mark = ""
        self._images: list[bytes] = []

    def add(self, image: Image) -> str:
        """What stands for the image's base64 until `write`."""
        self._mark = self._mark or f"llmo-{os.urandom(16).hex()}"
        self._images.append(b64encode(image.data))
        return self._mark

    def write(self, body: Any) -> bytes:
        """The body on the wire."""
        packed = write(body)
        if not self._images:
            return packed
        pieces = packed.split(self._mark.encode())
        joined = [pieces[0]]
        for image, piece in zip(self._images, pieces[1:], strict=True):
            joined += (image, piece)
        return b"".join(joined)


def obj(value: Any) -> dict[str, Any]:
    """The value when it is an object, else an empty one: a stranger's JSON has any shape."""
    return value if isinstance(value, dict) else {}


def seq(value: Any) -> list[Any]:
    """The value when it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """The value when it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def count(value: Any) -> int | None:
    """The value when it is a number of tokens that can be."""
    if type(value) is int:
        return value if 0 <= value <= MOST_COUNTED else None
    if not isinstance(value, float) or not 0 <= value <= MOST_COUNTED:
        return None
    return int(value) if value == int(value) else None


def dollars(value: Any) -> Pico | None:
    """The picodollars of an amount that a stranger states, a number or its digits; None when it is no amount."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return pico(amount) if amount.is_finite() and 0 <= amount <= MOST else None


def merged(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """
    The body with further fields; two objects under one name are joined, else the extra one wins.

    Raises `Rejected` where it would take the place of an object of llmo's.
    """
    for name, value in extra.items():
        known = body.get(name)
        if isinstance(known, dict) and not isinstance(value, Mapping):
            raise Rejected(f"this option must be an object: {name}")
        body[name] = {**known, **value} if isinstance(known, dict) else value
    return body


@lru_cache(maxsize=64)
def join(base_url: str, path: str, *, root: str = "", cut: Sequence[str] = ()) -> str:
    """
    The address of `path` under a base that users write in many ways.

    Endings in `cut` and slashes are dropped; `root` comes in when no path is left. A query of
    the base stays.
    """
    parts = split(base_url)
    prefix = parts.path.rstrip("/")
    for ending in cut:
        prefix = prefix.removesuffix(ending).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, (prefix or root) + path, parts.query, ""))
