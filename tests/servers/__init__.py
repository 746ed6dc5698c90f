"""Servers that tests drive llmo against: one written by others, one that misbehaves at the level of bytes."""
