"""A progress bar for `mmbench run`."""

from types import TracebackType

from tqdm import tqdm

from mmbench.training import Event


class Progress:
    """Draw the events of a training as one bar over the epochs of all seeds.

    Args:
        epochs: of one seed, if the method's parameters say; otherwise the bar counts seeds.
        n_seeds: how many will be trained.
    """

    def __init__(self, *, epochs: int | None, n_seeds: int) -> None:
        self._epochs = epochs
        self._done = 0
        self._bar = tqdm(total=n_seeds * (epochs or 1), unit="epoch" if epochs else "seed")

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()

    def __call__(self, event: Event) -> None:
        """Move the bar."""
        if event.kind == "epoch" and self._epochs and event.epoch is not None:
            self._bar.n = self._done + min(event.epoch + 1, self._epochs)
            shown = "" if event.loss is None else f", loss {event.loss:.4g}"
            self._bar.set_description(f"seed {event.seed}{shown}", refresh=True)
        elif event.kind == "done":
            self._done += self._epochs or 1
            self._bar.n = self._done
            self._bar.refresh()
