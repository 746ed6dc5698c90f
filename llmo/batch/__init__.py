"""
Many rows, each paid once: input → requests → executor → journal.

`input` reads rows and makes requests of them, `output` keeps what was paid, `resume` knows what an earlier run
left, `executors` send.
"""
