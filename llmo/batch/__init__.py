"""
Many rows, each paid once: source → template → engine → journal.

`rows` and `formats` read input, `template` and `identity` make requests of rows, `survey` reads
everything once before anything is paid, `journal` and `resume` keep what was paid, `runner` sends.
"""
