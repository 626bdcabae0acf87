"""The command line: every module of this package that is not a helper is one command.

The module `fetch` is the command `mmbench fetch`; a name that Python reserves ends with `_`. A
command has a docstring, which is its help and ends with an example, and two functions:
`add_arguments(parser)` declares its arguments and `run(arguments)` may return an exit status.

Heavy libraries are imported inside these functions, since the parent process of every training
starts here and must start quickly.
"""

import argparse
import importlib
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence

from mmbench.errors import InputError

_HELPERS = ("augmentation_sheet", "common", "progress")

_DESCRIPTION = """\
A reproducibility benchmark for multi-modal clustering.

To make the tables of a benchmark, use Snakemake:
  snakemake --cores 8 --resources gpu=2
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status of the command, by default 0; 2 after bad input and 1 after a fault of the
        machine, each reported in one line; 130 after Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    try:
        status: int | None = arguments.run(arguments)
    except InputError as error:
        print(f"mmbench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mmbench: interrupted; finished runs are kept", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:  # `mmbench list datasets | head` closes the output early
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a fault of the machine, such as a full disk
        where = f"{error.filename}: " if error.filename else ""
        print(f"mmbench: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    return status or 0


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="mmbench", description=_DESCRIPTION, formatter_class=raw)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for info in pkgutil.iter_modules(__path__):
        if info.name in _HELPERS:
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        text = module.__doc__ or ""
        summary = text.partition("\n")[0].rstrip(".")
        command = commands.add_parser(
            info.name.rstrip("_"),
            help=summary[:1].lower() + summary[1:],
            description=text,
            formatter_class=raw,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
