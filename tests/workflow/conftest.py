"""The fixture `project` for the tests of this folder."""

from workflow_project import project

__all__ = ["project"]
