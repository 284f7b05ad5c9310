"""Judgements: what the statistics count. One person or judge looked at two results of one prompt and said which is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from viralai_sdk.interfaces.errors import InvalidRequestError

Choice = Literal["left", "right", "tie", "both_bad", "abstain"]
"""`tie`: both are good and alike. `both_bad`: neither can be used. `abstain`: no opinion, such as a judge that flipped with the order."""
CHOICES: tuple[str, ...] = get_args(Choice)

RaterKind = Literal["human", "judge"]

KEYS: Mapping[str, Choice] = {"1": "left", "2": "right", "3": "tie", "0": "both_bad"}
"""The keyboard of every voting panel."""

ANSWERS: Mapping[Choice, str] = {
    "left": "Left is better",
    "right": "Right is better",
    "tie": "Tie",
    "both_bad": "Both bad",
    "abstain": "No opinion",
}
"""What every panel calls the answers. Those with a key are its buttons, in the order of `KEYS`; the page's copy is `voting.js`."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One answer to "which is better?".

    Attributes:
        left, right: names of the arms as they were shown.
        choice: the answer.
        prompt: id of the prompt; judgements of the same prompt are not independent of each other.
        rater: who answered.
        kind: people and judges are never mixed unless asked.
    """

    left: str
    right: str
    choice: Choice
    prompt: str = ""
    rater: str = ""
    kind: RaterKind = "human"

    @property
    def winner(self) -> str | None:
        """The preferred arm, None for every other answer."""
        return self.left if self.choice == "left" else self.right if self.choice == "right" else None

    @property
    def loser(self) -> str | None:
        """The arm that was not preferred, None when none was."""
        return self.right if self.choice == "left" else self.left if self.choice == "right" else None

    def involves(self, first: str, second: str) -> bool:
        """These two arms were compared, in whichever order."""
        return {self.left, self.right} == {first, second}


def choice(given: str) -> Choice:
    """An answer by name or by key (1 left, 2 right, 3 tie, 0 both bad).

    Raises:
        InvalidRequestError: there is no such answer.
    """
    found = KEYS.get(str(given).strip(), str(given).strip().lower().replace(" ", "_").replace("-", "_"))
    if found not in CHOICES:
        raise InvalidRequestError(
            f"{given!r} is no answer.", hint="Give left (1), right (2), tie (3), both_bad (0) or abstain."
        )
    return found  # type: ignore[return-value]


def of_pair(judgements: Iterable[Judgement], first: str, second: str) -> list[Judgement]:
    """The judgements about two arms."""
    return [one for one in judgements if one.involves(first, second)]
