"""Clients on a temporary home; results are masked by a plain stand-in where a test is not about masking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import client, films, home, sim, text_provider, use
from viralai_sdk import ViralAI
from viralai_sdk.compare import pairs
from viralai_sdk.interfaces.names import AIServiceType

__all__ = ["films", "home", "sim"]


@dataclass(frozen=True)
class Shown:
    """What the tests' raters see."""

    text: str | None


@pytest.fixture(autouse=True)
def plain_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The result's own words, and nothing else of it."""
    monkeypatch.setattr(pairs, "mask", lambda response: Shown(getattr(response, "text", None)))


class Writers:
    """Text providers "ada", "bob" and so on, which answer with their initial and the prompt, and count what they are asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.act: Callable[[str, str], None] = lambda name, prompt: None
        names = ("ada", "bob", "cyd", "dan")
        use(AIServiceType.TEXT_GENERATION, **{name: text_provider(self._answer(name)) for name in names})

    def _answer(self, name: str) -> Callable[[Any], str]:
        def answer(request: Any) -> str:
            self.asked.append((name, request.prompt))
            self.act(name, request.prompt)
            return f"{name[0]} says {request.prompt}"

        return answer


@pytest.fixture
def writers(home: Path) -> Writers:
    """Four text providers that count what they are asked."""
    return Writers()


@pytest.fixture
def ai(writers: Writers, home: Path) -> ViralAI:
    """A client whose providers are the writers."""
    return client({}, home)
