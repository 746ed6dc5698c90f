"""The Python API, and the only place that puts concrete parts together."""
