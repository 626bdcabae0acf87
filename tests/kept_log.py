"""What tests hand to a method as its log."""


class Kept:
    """A log that keeps what it is given."""

    def __init__(self):
        self.calls = []

    def __call__(self, epoch, **given):
        self.calls.append((epoch, given))

    def of(self, name):
        """Return what was given under a name, by epoch."""
        return {epoch: given[name] for epoch, given in self.calls if given.get(name) is not None}
