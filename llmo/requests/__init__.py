"""The content of requests: options, bodies and schemas."""
