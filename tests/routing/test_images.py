"""Sizes from the first bytes of a file, and token bounds that hold for the providers' published examples."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.routing import images
from llmo.routing.images import Size


def png(width, height):
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + b"IHDR"
        + struct.pack(">II", width, height)
        + b"\x08\x02"
        + bytes(99)
    )


def jpeg(width, height, before=b""):
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + before + b"\xff\xff" + frame + b"\xff\xda" + bytes(50)


def webp(kind, body):
    return b"RIFF" + bytes(4) + b"WEBP" + kind + bytes(4) + body + bytes(9)


EXIF = b"\xff\xe1" + struct.pack(">H", 2 + 40) + b"\xff\xc0\x00\x11\x08\x00\x10\x00\x10" + bytes(31)
TINY_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
TINY_GIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
TINY_WEBP = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(png(1024, 7), Size(1024, 7), id="png"),
        pytest.param(base64.b64decode(TINY_PNG), Size(1, 1), id="a whole png"),
        pytest.param(jpeg(640, 480), Size(640, 480), id="jpeg"),
        pytest.param(jpeg(640, 480, EXIF), Size(640, 480), id="jpeg with a thumbnail"),
        pytest.param(base64.b64decode(TINY_GIF), Size(1, 1), id="a whole gif"),
        pytest.param(base64.b64decode(TINY_WEBP), Size(1, 1), id="a whole webp, lossy"),
        pytest.param(webp(b"VP8L", b"\x2f" + struct.pack("<I", 799 | 599 << 14)), Size(800, 600), id="webp, lossless"),
        pytest.param(
            webp(b"VP8X", bytes(4) + (3999).to_bytes(3, "little") + (99).to_bytes(3, "little")),
            Size(4000, 100),
            id="webp, extended",
        ),
        pytest.param(b"", None, id="empty"),
        pytest.param(b"<svg/>", None, id="another format"),
        pytest.param(png(5, 5)[:18], None, id="cut"),
        pytest.param(png(0, 5), None, id="no pixels"),
        pytest.param(b"\xff\xd8\xff", None, id="a cut jpeg"),
    ],
)
def test_a_size_is_read_or_unknown(data, expected):
    """
    As the file states it; what can't be read is unknown, never small.
    """
    assert expected == images.size(data)


@pytest.mark.parametrize(
    ("pixels", "kind", "published"),
    [
        pytest.param((1024, 1024), "openai", 85 + 170 * 4, id="gpt-4o, its documentation's example"),
        pytest.param((2048, 4096), "openai", 85 + 170 * 6, id="gpt-4o, its second example"),
        pytest.param((512, 512), "openai", 2833 + 5667, id="gpt-4o-mini, one tile"),
        pytest.param((2048, 768), "openai", 2833 + 5667 * 8, id="gpt-4o-mini, the most"),
        pytest.param((1024, 1024), "openai", 2520, id="gpt-4.1-nano, 1024 patches of 2.46"),
        pytest.param((1800, 2400), "openai", 2353, id="gpt-4.1-mini, 1452 patches of 1.62"),
        pytest.param((1000, 1000), "anthropic", 1334, id="Claude, a megapixel"),
        pytest.param((1092, 1092), "anthropic", 1590, id="Claude, the largest square once"),
        pytest.param((200, 200), "anthropic", 54, id="Claude, small"),
        pytest.param((2576, 2576), "anthropic", 4784, id="Claude, the largest"),
    ],
)
def test_a_bound_covers_what_providers_publish(pixels, kind, published):
    """
    Never less than the examples of their own documentation.
    """
    assert published <= images.bound(png(*pixels), kind) <= images.UNKNOWN


def test_a_small_image_is_bounded_tighter_than_an_unknown_one():
    """
    What can be proven is used.
    """
    assert images.bound(png(64, 64), "anthropic") < 100
    assert images.bound(png(64, 64), "openai") < images.UNKNOWN // 4
    assert (images.UNKNOWN, images.CLAUDE) == tuple(images.bound(b"?", kind) for kind in ("openai", "anthropic"))


@given(
    st.binary(max_size=64), st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"GIF89a", b"RIFF1234WEBPVP8 ", b""])
)
def test_no_file_breaks_the_reader(rest, head):
    """
    Whatever bytes come: a size or unknown.
    """
    found = images.size(head + rest)

    assert found is None or min(found) > 0
