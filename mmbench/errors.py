"""Errors that a person caused and can mend, each told in one line."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input: the message names the file or key, what was expected and what came.

    The command line prints the message alone, without a traceback, and exits with status 2.
    """


def unknown(kind: str, name: str, known: Iterable[str], *, where: str) -> InputError:
    """Return the error for a name that is not in a catalogue, with the nearest known one.

    Args:
        kind: what the name is of, such as "method".
        name: what came.
        known: the names that would have been right.
        where: the file or key in which the name stood.
    """
    candidates = sorted(known)
    near = difflib.get_close_matches(name, candidates, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(candidates) or 'none'}"
    return InputError(f"{where}: unknown {kind} {name!r}; {hint}")
