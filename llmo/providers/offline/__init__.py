"""Deterministic answers without any network."""
