"""The command line: one function for each command, found by `mmbench COMMAND --help`.

The five verbs (fetch, prepare, fit, score, report) are what the rules of the workflow call;
the others are for people. Heavy libraries are imported inside the functions that need them,
because the parent of every training starts from here and must start quickly.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from mmbench.errors import InputError

_DESCRIPTION = """\
A reproducibility benchmark for multi-modal clustering.

To make the tables of a benchmark, use Snakemake:
  snakemake --cores 8 --resources gpu=2
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0, or what the command returns; 2 after bad input and 1 after a fault of the machine,
        each told in one line; 130 after Ctrl-C.
    """
    from mmbench.cli import methods, people, run, snapshot, travel, verbs

    parser = argparse.ArgumentParser(
        prog="mmbench",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for part in (run, people, methods, snapshot, travel, verbs):
        part.add_commands(commands)
    arguments = parser.parse_args(argv)
    try:
        status: int | None = arguments.run(arguments)
    except InputError as error:
        print(f"mmbench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mmbench: interrupted; what was finished is kept", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:  # `mmbench list datasets | head` closes our output early
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a fault of the machine, such as a full disk
        where = f"{error.filename}: " if error.filename else ""
        print(f"mmbench: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    return status or 0
