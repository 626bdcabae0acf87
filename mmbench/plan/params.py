"""What a run depends on: resolved parameters, and their digest that names a folder."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from mmbench.config import MethodEntry
from mmbench.errors import InputError
from mmbench.files import digest
from mmbench.methods import build


def resolved(name: str, entry: MethodEntry, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hyperparameters of a method with its defaults, as JSON can hold them.

    Raises:
        InputError: the method cannot be imported, or a parameter is unknown or of the wrong
            type.
    """
    try:
        method = build(entry.uses, params, where=f"method {name}")
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # whatever somebody's module does when it is read
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(f"method {name}: cannot use {entry.uses!r}: {told}") from error
    params = dataclasses.asdict(method)  # type: ignore[call-overload]
    try:
        as_json: dict[str, Any] = json.loads(json.dumps(params, allow_nan=False))
    except ValueError:
        raise InputError(f"method {name}: expected finite parameters, got {params}") from None
    return as_json


def params_hash_of(params: Mapping[str, Any], precision: str, *, restarts: int = 1) -> str:
    """Return eight hex digits of all that a run depends on but its data, seed and source.

    Args:
        params: resolved, as `resolved` gives them.
        precision: of the training.
        restarts: of each seed. One is what runs had before there were restarts, and gives the
            digits that it gave then.
    """
    told: dict[str, Any] = {"params": params, "precision": precision}
    if restarts > 1:
        told |= {"restarts": restarts}
    return digest(told)[:8]
