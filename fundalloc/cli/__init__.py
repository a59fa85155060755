"""The command line: a command parses, calls the library, prints."""

from __future__ import annotations

from fundalloc.cli.app import app, main

__all__ = ["app", "main"]
