"""litellm's model map, a file inside its wheel: installed here, or beside the proxy that `.ci/run` installs."""

from __future__ import annotations

import importlib.util
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.servers.litellm_proxy import CACHE

NAME = "model_prices_and_context_window_backup.json"


def path() -> Path | None:
    """The map, None where there is none."""
    spec = importlib.util.find_spec("litellm")
    places = [Path(place) for place in (spec.submodule_search_locations or () if spec else ())]
    venv = Path(os.environ.get("LLMO_TEST_LITELLM") or CACHE / "bin" / "litellm").parent.parent
    places += sorted(venv.glob("lib/python*/site-packages/litellm"))
    return next((place / NAME for place in places if (place / NAME).exists()), None)


def version(of: Path) -> str:
    """The release that a map is part of."""
    (found,) = of.parent.parent.glob("litellm-*.dist-info")
    return found.name.removeprefix("litellm-").removesuffix(".dist-info")


def entries(of: Path) -> dict[str, dict[str, Any]]:
    """The map as it stands, with exact numbers."""
    raw: dict[str, dict[str, Any]] = json.loads(of.read_bytes(), parse_float=Decimal)
    return raw
