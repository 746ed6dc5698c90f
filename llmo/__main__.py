"""`python -m llmo`."""

from llmo.cli import main

if __name__ == "__main__":
    main()
