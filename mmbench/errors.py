"""Errors that a person caused and can correct, each reported in one line."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Invalid input: the message names the file or key, what was expected and what was found.

    The command line prints the message without a traceback, and exits with status 2.
    """


def unknown(kind: str, name: str, known: Iterable[str], *, where: str) -> InputError:
    """Return the error for an unknown name, with the most similar known name.

    `kind` is what the name denotes, such as "method", and `where` the file or key that holds it.
    """
    candidates = sorted(known)
    near = difflib.get_close_matches(name, candidates, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(candidates) or 'none'}"
    return InputError(f"{where}: unknown {kind} {name!r}; {hint}")
