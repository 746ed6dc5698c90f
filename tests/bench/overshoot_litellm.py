"""The other side of `tests.bench.overshoot`, run by a Python that has litellm: `… URL LIMIT CALLS WIDTH router|global`."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from typing import Any

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION", "LITELLM_OFFLINE_MODE": "true"}

litellm: Any = importlib.import_module("litellm")  # reads the variables when it is imported


async def main() -> None:
    """Offer all calls, so many at once; print how many were refused."""
    url, limit, calls, width, kind = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    params = {"model": "openai/gpt-4o-mini", "api_base": url, "api_key": "none", "max_retries": 0}
    if kind == "router":
        router = litellm.Router(
            model_list=[{"model_name": "m", "litellm_params": params}],
            provider_budget_config={"openai": {"budget_limit": limit, "time_period": "1d"}},
            num_retries=0,
        )
        params, ask = {"model": "m"}, router.acompletion
    else:
        litellm.max_budget, ask = limit, litellm.acompletion
    numbers, refused = iter(range(calls)), 0

    async def worker() -> None:
        nonlocal refused
        for _ in numbers:
            try:
                await ask(**params, messages=[{"role": "user", "content": "x" * 100}], max_tokens=500)
            except Exception:  # noqa: BLE001 - it has no error of its own for this
                refused += 1

    await asyncio.gather(*(worker() for _ in range(width)))
    print(refused)


asyncio.run(main())
