"""A log for tests of what a method reports while it trains."""


class RecordingLog:
    """Records every call.

    Attributes:
        calls: (epoch, values) of each call, in order; the values by name.
    """

    def __init__(self):
        self.calls = []

    def __call__(self, epoch, **values):
        self.calls.append((epoch, values))

    def by_epoch(self, name):
        """Return the values logged under a name, by epoch."""
        return {epoch: values[name] for epoch, values in self._calls_with(name)}

    def values(self, name):
        """Return the values logged under a name, in order."""
        return [values[name] for _, values in self._calls_with(name)]

    def last(self, name):
        """Return the value that was logged last under a name."""
        return self.values(name)[-1]

    def _calls_with(self, name):
        return [(epoch, values) for epoch, values in self.calls if values.get(name) is not None]
