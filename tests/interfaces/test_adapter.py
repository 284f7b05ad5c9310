"""What every adapter can rely on: the pace of looking, and what an HTTP status means."""

from __future__ import annotations

from typing import Any

import pytest

from viralai_sdk.interfaces.adapter import error_for_status, poll_interval
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Answer


def seconds(**custom: Any) -> float:
    return poll_interval(AIServiceConfig("runway", custom_config=custom), 5.0)


def test_the_pace_of_looking_has_one_name_and_an_old_one() -> None:
    assert seconds() == 5.0
    assert seconds(poll_interval=0.25) == 0.25
    assert seconds(poll_interval="2") == 2.0
    assert seconds(poll_seconds=3) == 3.0
    assert seconds(poll_interval=1, poll_seconds=3) == 1.0
    assert seconds(poll_interval=None) == 5.0


@pytest.mark.parametrize("wrong", ["soon", -1, float("nan"), float("inf"), [1]])
def test_a_pace_that_is_none_is_named(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="poll_interval of runway"):
        seconds(poll_interval=wrong)


def test_a_bare_404_says_what_to_check_and_a_vendor_that_speaks_is_quoted() -> None:
    silent = error_for_status(Answer(404, {}, b""), " ")
    assert isinstance(silent, InvalidRequestError)
    assert "HTTP 404" in silent.message
    assert silent.hint is not None
    assert "viralai models list" in silent.hint
    spoken = error_for_status(Answer(404, {}, b""), "no such voice")
    assert (spoken.message, spoken.hint) == ("no such voice", None)
    assert error_for_status(Answer(404, {}, b""), "", hint="ours").hint == "ours"
