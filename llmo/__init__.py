"""llmo: prompt language models from a terminal and run batch jobs over files, through one router."""

__version__ = "0.1.0"
