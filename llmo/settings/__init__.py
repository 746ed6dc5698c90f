"""The profile of a run: read, checked, with origins; addresses and keys of its providers."""

from llmo.settings.keys import api_key, base_url, ready, withheld
from llmo.settings.load import Loaded, load

__all__ = ["Loaded", "api_key", "base_url", "load", "ready", "withheld"]
