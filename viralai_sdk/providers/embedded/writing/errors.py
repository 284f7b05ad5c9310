"""The one error of the text engine."""


class WritingError(Exception):
    """The engine cannot do what was asked. The message says what was wrong and what to do.

    `pointer` is the JSON pointer (``#/properties/age``) of the place in a schema that caused it, or None when no schema
    was involved.
    """

    def __init__(self, problem: str, *, hint: str, pointer: str | None = None) -> None:
        self.problem = problem
        self.hint = hint
        self.pointer = pointer
        place = f" (at {pointer})" if pointer is not None else ""
        super().__init__(f"{problem}{place}. {hint}")
