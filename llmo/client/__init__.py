"""The Python API, and the only place that wires providers, transports and the ledger together."""
