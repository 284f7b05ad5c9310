"""Bounds on the work one schema may cause, whoever wrote it, and the errors that end a search."""

from viralai_sdk.providers.embedded.writing.errors import WritingError

MOST_WORK = 150_000
MOST_SCHEMA_NODES = 20_000
DEEPEST_SCHEMA = 80
DEEPEST_VALUE = 40
ENOUGH_VALUES = 300
"""After this many values the sampler leaves out whatever is optional."""


class Unsatisfiable(Exception):  # noqa: N818 - a step of the search, never seen outside
    """No value was found for this place; the search may try another branch."""

    def __init__(self, reason: str, pointer: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pointer = pointer


class Budget:
    """Counts work units; raises WritingError when the schema asks for too many."""

    def __init__(self) -> None:
        self.left = MOST_WORK
        self.pointer = "#"

    def spend(self, units: int) -> None:
        self.left -= units
        if self.left < 0:
            raise WritingError(
                "The schema needs more work than this engine does for one value",
                pointer=self.pointer,
                hint="Lower minItems or minLength, or untangle nested alternatives.",
            )
