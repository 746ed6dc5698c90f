"""The profile of a run: declared, read from its layers, checked, with origins; addresses and keys of providers."""
