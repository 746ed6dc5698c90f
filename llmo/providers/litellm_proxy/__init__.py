"""LiteLLM as a proxy over HTTP."""
