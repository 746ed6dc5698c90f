"""LiteLLM as a library."""
