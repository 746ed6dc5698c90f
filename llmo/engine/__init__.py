"""Run a plan: hold, wait for a permit, send, settle, retry, fall back."""
