"""The result of a comparison in sentences."""

import numpy as np

from mmbench.reporting.formatting import format_gain, format_p
from mmbench.reporting.statistics import ALPHA, Comparison, datasets_needed


def result_sentences(found: Comparison) -> tuple[str, ...]:
    """Return the result: the reference method against the others first, then all pairs."""
    return (_against_reference(found), *([_all_pairs(found)] if found.n_pairs else []))


def _against_reference(found: Comparison) -> str:
    """Return which methods differ from the reference method, on how many data sets, by how much."""
    over = f"On {_count(found.n_datasets, 'data set')}"
    others = [m for m in range(len(found.names)) if m != found.reference_method]
    if found.reference_method is None:
        return f"{over}, nothing is compared with a baseline, since none has all scores."
    name = f"“{found.names[found.reference_method]}”"
    if not others:
        return f"{over}, there is nothing to compare {name} with."
    needed = datasets_needed(len(others))
    largest = max(others, key=lambda m: abs(found.difference[m, found.reference_method]))
    effect = f"The largest mean difference is that of {_effect(found, largest)}."
    among = _count(len(others), "method")
    if found.n_datasets < needed:
        return (
            f"{over}, no claim about a difference from {name} is possible for {among}; at least"
            f" {needed} data sets are needed. {effect}"
        )
    differ = [m for m in others if found.p_reference[m] <= ALPHA]
    if not differ:
        return f"{over}, none of {among} differs from {name}. {effect}"
    differ.sort(key=lambda m: (-found.difference[m, found.reference_method], m))
    listed = "; ".join(f"{_effect(found, m)}, p {_with_sign(found.p_reference[m])}" for m in differ)
    return f"{over}, {len(differ)} of {among} {_verb(len(differ))} from {name}: {listed}."


def _effect(found: Comparison, m: int) -> str:
    """Return the mean difference of a method from the reference method, and on how many data sets."""
    assert found.reference_method is not None
    wins, ties, losses = (
        int(x[m, found.reference_method]) for x in (found.wins, found.ties, found.losses)
    )
    gain = format_gain(found.difference[m, found.reference_method])
    return f"“{found.names[m]}”: {gain} (better on {wins}, tied on {ties}, worse on {losses})"


def _all_pairs(found: Comparison) -> str:
    """Return how many pairs differ, or that no claim about a pair is possible."""
    n, m = _count(found.n_datasets, "data set"), _count(len(found.names), "method")
    if not found.is_feasible:
        needed = datasets_needed(found.n_pairs)
        return f"With {n} no pairwise claim among {m} is possible; at least {needed} are needed."
    differ = int((found.p_holm[np.triu_indices(len(found.names), 1)] <= ALPHA).sum())
    return f"{differ} of {_count(found.n_pairs, 'pair')} {_verb(differ)}."


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _verb(n: int) -> str:
    return "differs" if n == 1 else "differ"


def _with_sign(p: float) -> str:
    text = format_p(p)
    return text if text.startswith("<") else f"= {text}"
