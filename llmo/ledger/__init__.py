"""The money of all processes: hold, settle, release."""
