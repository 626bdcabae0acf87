"""The result of a comparison in sentences."""

import numpy as np

from mmbench.reporting.formatting import format_count, format_gain, format_p_equation
from mmbench.reporting.statistics import ALPHA, Comparison, datasets_needed


def result_sentences(found: Comparison) -> tuple[str, ...]:
    """Return the result: the reference method against the others first, then all pairs."""
    return (_against_reference(found), *([_all_pairs(found)] if found.n_pairs else []))


def _against_reference(found: Comparison) -> str:
    """Return which methods differ from the reference method, and by how much."""
    over, reference = f"On {format_count(found.n_datasets, 'data set')}", found.reference_method
    others = [m for m in range(len(found.names)) if m != reference]
    if reference is None:
        return f"{over}, nothing is compared with a baseline, since none has all scores."
    name = f"“{found.names[reference]}”"
    if not others:
        return f"{over}, there is nothing to compare {name} with."
    needed = datasets_needed(len(others))
    largest = max(others, key=lambda m: abs(found.difference[m, reference]))
    effect = f"The largest mean difference is that of {_effect(found, largest, reference)}."
    among = format_count(len(others), "method")
    if found.n_datasets < needed:
        return (
            f"{over}, no claim about a difference from {name} is possible for {among}; at least"
            f" {needed} data sets are needed. {effect}"
        )
    differ = [m for m in others if found.p_reference[m] <= ALPHA]
    if not differ:
        return f"{over}, none of {among} differs from {name}. {effect}"
    differ.sort(key=lambda m: (-found.difference[m, reference], m))
    effects = "; ".join(
        f"{_effect(found, m, reference)}, {format_p_equation(found.p_reference[m])}" for m in differ
    )
    return f"{over}, {len(differ)} of {among} {_differ(len(differ))} from {name}: {effects}."


def _effect(found: Comparison, m: int, reference: int) -> str:
    """Return the mean difference of a method from the reference method, and its wins."""
    wins, ties, losses = (int(x[m, reference]) for x in (found.wins, found.ties, found.losses))
    gain = format_gain(found.difference[m, reference])
    return f"“{found.names[m]}”: {gain} (better on {wins}, tied on {ties}, worse on {losses})"


def _all_pairs(found: Comparison) -> str:
    """Return how many pairs differ, or that no claim about a pair is possible."""
    n = format_count(found.n_datasets, "data set")
    if not found.is_feasible:
        among = format_count(len(found.names), "method")
        needed = datasets_needed(found.n_pairs)
        return (
            f"With {n} no pairwise claim among {among} is possible; at least {needed} are needed."
        )
    differ = int((found.p_holm[np.triu_indices(len(found.names), 1)] <= ALPHA).sum())
    return f"{differ} of {format_count(found.n_pairs, 'pair')} {_differ(differ)}."


def _differ(n: int) -> str:
    return "differs" if n == 1 else "differ"
