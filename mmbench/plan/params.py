"""The parameters of a run, and the digest of them that names a folder."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from mmbench.config import MethodEntry
from mmbench.errors import InputError
from mmbench.files import digest
from mmbench.literals import Checkpoint
from mmbench.methods import build


def resolved(name: str, entry: MethodEntry, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return all hyperparameters of a method, defaults included, as JSON can hold them.

    Raises:
        InputError: the method cannot be imported, or a parameter is unknown or has the wrong
            type.
    """
    try:
        method = build(entry.uses, params, where=f"method {name}")
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # a user's module may raise anything on import
        message = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(f"method {name}: cannot use {entry.uses!r}: {message}") from error
    params = dataclasses.asdict(method)  # type: ignore[call-overload]
    try:
        as_json: dict[str, Any] = json.loads(json.dumps(params, allow_nan=False))
    except ValueError:
        raise InputError(f"method {name}: expected finite parameters, got {params}") from None
    return as_json


def params_hash(
    params: Mapping[str, Any],
    precision: str,
    *,
    restarts: int = 1,
    checkpoint: Checkpoint = "last",
) -> str:
    """Return eight hex digits of what a run depends on except data, seed and source code.

    Args:
        params: all parameters, as `resolved` returns them.
        precision: of the training.
        restarts: trainings of each seed. A single training adds nothing to the digest.
        checkpoint: the result of a training. The last epoch adds nothing to the digest.
    """
    content: dict[str, Any] = {"params": params, "precision": precision}
    if restarts > 1:
        content["restarts"] = restarts
    if checkpoint != "last":
        content["checkpoint"] = checkpoint
    return digest(content)[:8]
