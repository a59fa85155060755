"""The command line: a command parses, calls the library, prints."""

from __future__ import annotations

import gc
import os
import sys

from fundalloc.interrupts import deaf, listen


def main() -> None:
    """Runs the command line and exits with the code of the contract."""
    try:
        listen()
        gc.set_threshold(200_000)  # a command makes many objects that all stay until its end
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # matrices are small: threads cost more than they bring
        os.environ.setdefault(
            "PYDANTIC_DISABLE_PLUGINS", "__all__"
        )  # nothing else installed changes how inputs are read
        from fundalloc.cli.streams import careful, ended

        careful()
        from fundalloc.cli.app import run

        end = ended(run(sys.argv[1:]), sys.argv[1:])
        deaf()  # what follows is the end of the process
    except KeyboardInterrupt:  # while the rest was still loaded, or at the very end
        deaf()
        from fundalloc.cli.asking import asked
        from fundalloc.language import say, speaking

        with speaking(asked(sys.argv[1:])):
            sys.stderr.write(f"fundalloc: {say('interrupted')}\n")
        end = 130
    raise SystemExit(end)
