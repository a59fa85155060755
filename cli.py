"""Launches fundalloc from a checkout: python cli.py allocate models/yrd.toml -o out."""

from fundalloc.cli import main

if __name__ == "__main__":
    main()
