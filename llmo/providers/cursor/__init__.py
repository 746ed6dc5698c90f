"""Cursor's command line as a subprocess."""
