"""Batches at the vendors' own services: what is kept of them, how they are made, and what becomes of their rows."""
