"""The interface of methods, and how a method is found by name.

A method is a frozen dataclass of hyperparameters with a `fit_predict`; its module names the class
as `METHOD`. There is no base class and no registry: `uses:` in `config/methods.yaml` is the name of
a module in this package, a dotted name of any other module, a path to a Python file, or an entry
point of the group `mmbench.methods`.
"""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmbench.checks import checked
from mmbench.data import Dataset
from mmbench.errors import InputError, unknown


class Log(Protocol):
    """A function that records what a training reports."""

    def __call__(
        self,
        epoch: int,
        *,
        loss: float | None = None,
        y_pred: ArrayLike | None = None,
        embedding: ArrayLike | None = None,
        view_assignments: Mapping[str, ArrayLike] | None = None,
        **terms: float,
    ) -> None:
        """Record one epoch.

        Args:
            epoch: counted from 0 over the whole schedule; it must not decrease.
            loss: the mean of the objective over the epoch.
            y_pred: (n_samples,), the assignments at this epoch, at some twenty checkpoints.
            embedding: (n_samples, n_latent); the last one is kept.
            view_assignments: (n_samples,) for each view by name, the assignments by that view
                alone, -1 where the view does not describe the sample; the last ones are kept.
            terms: other values of the epoch, such as terms of the loss or label-free diagnostics.
        """


def silent(epoch: int, **values: Any) -> None:
    """Record nothing."""


@runtime_checkable
class ResumableLog(Log, Protocol):
    """A log that also keeps the state of a training, see `save_state` and `saved_state`."""

    def save(self, epoch: int, state: Mapping[str, Any]) -> None:
        """Keep the state at the end of an epoch."""

    def resume(self) -> tuple[int, dict[str, Any]]:
        """Return the epoch to continue with and the state kept last."""


def save_state(log: Log, epoch: int, state: Mapping[str, Any]) -> None:
    """Keep everything that the next epochs depend on, so that a stopped training can continue.

    Call it once an epoch, after `log(epoch, ...)`. The state is copied at once: tensors, arrays,
    numbers, text and None, in mappings, lists and tuples. It is written from time to time and when
    the process is asked to stop. What was logged, and the global random states of `random`, NumPy
    and torch, are kept with it. Logs that are not resumable ignore it.

    Raises:
        TypeError: the state holds something else; the message names it.
    """
    if isinstance(log, ResumableLog):
        log.save(epoch, state)


def saved_state(log: Log) -> tuple[int, dict[str, Any]]:
    """Return the epoch to continue with and the state saved last; (0, {}) at the start.

    Arrays come back as tensors, all on the CPU. The call restores the global random states, so it
    must be the last one before the epochs begin.
    """
    return log.resume() if isinstance(log, ResumableLog) else (0, {})


class Method(Protocol):
    """A frozen dataclass of hyperparameters that can cluster a data set."""

    def fit_predict(
        self, data: Dataset, *, seed: int, device: str = "cpu", log: Log = silent
    ) -> NDArray[np.integer[Any]]:
        """Return (n_samples,) assignments in 0..n_clusters-1.

        Args:
            data: the views; the samples of `data.fit_index` are those to train on.
            seed: determines everything random: the same seed gives the same assignments.
            device: where to train, as torch names it; classical methods ignore it.
            log: receives losses, checkpoints and other values.

        Raises:
            IncompatibleDataError: the method cannot work on data of this kind.
        """


def locate(uses: str, *, where: str = "methods") -> Path:
    """Return the source file that `uses` names, without running it.

    Messages begin with `where`, the file or entry that holds `uses`.

    Raises:
        InputError: there is no such module, file or entry point.
    """
    if uses.endswith(".py"):
        path = Path(uses)
        if not path.is_file():
            raise InputError(f"{where}: expected a Python file at {uses!r}, found none")
        return path
    name = _module_name(uses, where)
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        raise InputError(f"{where}: cannot find {uses!r}: {error}") from None
    if spec is None or spec.origin is None:
        raise InputError(f"{where}: cannot find a module {name!r}")
    return Path(spec.origin)


def load(uses: str, *, where: str = "methods") -> type[Method]:
    """Return the class that the module named by `uses` calls `METHOD`.

    Raises:
        InputError: the module cannot be found or imported, or its `METHOD` is not a dataclass
            with a `fit_predict`.
    """
    path = locate(uses, where=where)
    try:
        if uses.endswith(".py"):
            module = _import_file(path)
        else:
            module = importlib.import_module(_module_name(uses, where))
    except ImportError as error:
        raise InputError(f"{where}: cannot import {uses!r}: {error}") from error
    except SyntaxError as error:
        raise InputError(f"{where}: {path}, line {error.lineno}: {error.msg}") from None
    method = getattr(module, "METHOD", None)
    if not (isinstance(method, type) and is_dataclass(method) and hasattr(method, "fit_predict")):
        raise InputError(
            f"{where}: expected {path} to end in METHOD = a dataclass with fit_predict,"
            f" got {'none' if method is None else repr(method)}"
        )
    return cast("type[Method]", method)


def build(uses: str, params: Mapping[str, Any], *, where: str = "methods") -> Method:
    """Return the method with the given hyperparameters, and its defaults for the others.

    Raises:
        InputError: `load` fails, or a parameter is unknown or of the wrong type.
    """
    method = load(uses, where=where)
    known = [field.name for field in fields(method)]  # type: ignore[arg-type]
    for name in params:
        if name not in known:
            raise unknown("key", name, known, where=where)
    return checked(method, dict(params), where=where)


def shipped() -> list[str]:
    """Return the names of the methods in this package."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem != "__init__")


def _module_name(uses: str, where: str) -> str:
    if uses in shipped():
        return f"{__name__}.{uses}"
    named = {point.name: point.value for point in entry_points(group="mmbench.methods")}
    if uses in named:
        return named[uses].partition(":")[0]
    if "." not in uses:
        raise unknown("method", uses, [*shipped(), *named], where=f"{where}: uses")
    return uses


def _import_file(path: Path) -> Any:
    """Import a file outside any package, under a name derived from its path."""
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    name = f"mmbench_user_{path.stem}_{place}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python source file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module when they are created
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
