"""A file that was damaged after it was made stops nobody: its comparisons are left out, and counted as what they are."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.doubles import client, home
from viralai_sdk.compare.experiment import Experiment
from viralai_sdk.interfaces.errors import InvalidRequestError

__all__ = ["home"]
ARMS: list[dict[str, Any]] = [{"provider": "embedded", "name": f"arm {number}", "seed": number} for number in range(3)]


@pytest.fixture
def experiment(home: Path) -> Experiment:
    """Three arms that drew two prompts each."""
    made = client({}, home).experiment(
        "first", service="image", arms=ARMS, prompts=["a fox", "a hare"], width=64, height=64
    )
    asyncio.run(made.run())
    return made


@pytest.fixture
def plain_masks() -> None:
    """These tests are about real masks."""


def damage(experiment: Experiment, arm: str, prompt: str) -> None:
    cell = next(one for one in experiment.cells() if (one.arm, one.prompt) == (arm, prompt))
    assert cell.response is not None
    Path(cell.response.artifacts[0].path).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))


def test_raters_go_on_past_a_damaged_file(experiment: Experiment, caplog: pytest.LogCaptureFixture) -> None:
    damage(experiment, "arm 1", "p001")
    for rater in ("ann", "bob", "cyd"):
        seen = 0
        while (pair := experiment.next_pair(rater)) is not None:
            experiment.next_pair(rater, after=pair)
            experiment.vote(pair, "left", rater)
            seen += 1
        assert seen == 4
    state = experiment.progress("ann")
    assert (state.ready, state.failed, state.left) == (4, 2, 0)
    assert "cannot be shown" in caplog.text
    assert "arm 1" not in caplog.text


def test_a_pair_whose_file_is_damaged_cannot_be_voted_on_once_that_is_known(experiment: Experiment) -> None:
    (slot,) = experiment.open_slots("human", "ann", 1)
    pair_id, *_ = experiment.uncovered(slot, "human", "ann")
    for arm in ARMS:
        damage(experiment, arm["name"], "p001")
        damage(experiment, arm["name"], "p002")
    assert experiment.next_pair("bob") is None
    with pytest.raises(InvalidRequestError, match="cannot be voted on"):
        experiment.vote(pair_id, "left", "ann")


def test_a_recording_without_sound_is_left_out_too(home: Path) -> None:
    arms = [{"provider": "embedded", "name": f"arm {number}", "speed": 1 + number / 10} for number in range(2)]
    experiment = client({}, home).experiment("second", service="speech", arms=arms, prompts=["one", "two"])
    asyncio.run(experiment.run())
    cell = next(one for one in experiment.cells() if one.prompt == "p001")
    assert cell.response is not None
    Image.new("RGB", (8, 8)).save(cell.response.artifacts[0].path, "PNG")  # a file, but no recording
    shown = []
    while (pair := experiment.next_pair("ann")) is not None:
        experiment.vote(pair, "tie", "ann")
        shown.append(pair.prompt_words)
    assert shown == ["two"]
