"""python -m fundalloc: the command line."""

from fundalloc.cli import main

if __name__ == "__main__":
    main()
