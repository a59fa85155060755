"""python -m fundalloc: the command line."""

from fundalloc.cli import main

main()
