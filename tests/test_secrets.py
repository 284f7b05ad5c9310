"""Secrets never get out: every simulated provider works, fails and is stopped with a key that is then searched for everywhere."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from tests.canary import leaks
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.providers import registry
from viralai_sdk.simulator import Simulator, SimulatorConfig
from viralai_sdk.simulator.settings import configuration, players
from viralai_sdk.store.redact import redact
from viralai_sdk.testing import tryout
from viralai_sdk.testing.samples import SUBJECTS

ROOT = Path(__file__).parents[1]
KEY = "vk-canary-everywhere-e7a94c"
VIDEO = AIServiceType.VIDEO_GENERATION
PAIRS = [(name, kind) for name in registry.all_names() if name in players() for kind in registry.services_of(name)]


def shown(thing: Any) -> str:
    """All that people may see of a result or an error."""
    texts = [repr(thing), str(thing), repr(pickle.dumps(thing))]
    bundle = getattr(thing, "_repr_mimebundle_", None)
    if bundle is not None:
        texts.append(repr(bundle()))
    if isinstance(thing, BaseException):
        texts += traceback.format_exception(thing)
    return "\n".join(texts)


@pytest.mark.parametrize(("name", "kind"), PAIRS, ids=[f"{name}-{kind.short}" for name, kind in PAIRS])
async def test_a_key_stays_where_it_is(name: str, kind: AIServiceType, tmp_path: Path) -> None:
    logged, printed = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(logged)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    texts: list[str] = []
    try:
        with (
            Simulator(SimulatorConfig(key=KEY, speed=tryout.SPEED)) as sim,
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            # The server itself logs the addresses it is asked for; here only our side counts.
            logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
            block = configuration(sim.origin, KEY)["providers"][name]
            config = {"providers": {name: {**block, "max_retries": 0}}}
            ai = ViralAI(config, home=tmp_path, progress=True, today=lambda: tryout._date(sim))
            texts += [shown_client(ai, kind)]
            texts += [shown(await getattr(ai, kind.short)(SUBJECTS[kind], provider=name, fallback=False))]
            for status in (400, 401, 403, 404, 429, 500):
                rule = sim.faults.add(players()[name], status=status, message=f"the key {KEY} is wrong")
                try:
                    await getattr(ai, kind.short)(SUBJECTS[kind], provider=name, fallback=False)
                except AIError as error:
                    texts.append(shown(error))
                else:
                    raise AssertionError(f"HTTP {status} gave a result ({rule})")
                sim.faults.clear()
            task = asyncio.ensure_future(getattr(ai, kind.short)(SUBJECTS[kind], provider=name))
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait([task])
            await ai.aclose()
            ai.runtime.close()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert len(texts) == 8
    for text in (*texts, logged.getvalue(), printed.getvalue()):
        assert KEY not in text, text[max(0, text.index(KEY) - 200) : text.index(KEY) + 60]
    assert (tmp_path / ".viralai" / "journal.db").exists()
    assert list(leaks(tmp_path)) == []


def shown_client(ai: ViralAI, kind: AIServiceType) -> str:
    """What a client shows of itself and its configuration."""
    estimate = ai.estimate(kind, SUBJECTS[kind])
    plan = ai.plan(kind, SUBJECTS[kind])
    return "\n".join(map(repr, (ai, ai.config, ai.config.providers, ai.providers(), estimate, plan, ai.usage())))


def test_settings_that_hold_secrets_show_in_no_repr_and_are_taken_out_of_texts(tmp_path: Path) -> None:
    token, other = "vk-canary-token-11", "vk-canary-pair-22"
    config = {
        "providers": {"vertex": {"access_token": token, "project": "p"}},
        "ai_services": {"text_generation": {"provider_configs": {"openai": {"api_key": other}}}},
    }
    ai = ViralAI(config, home=tmp_path, progress=False)
    made = ai.runtime.factory.config_for(AIServiceType.TEXT_GENERATION, registry.spec_of("vertex"))
    ai.runtime.factory.config_for(AIServiceType.TEXT_GENERATION, registry.spec_of("openai"))
    for thing in (ai.config, ai.config.providers, ai.config.services, made):
        assert token not in repr(thing)
        assert other not in repr(thing)
    assert redact(f"{token} and {other}") == "[redacted] and [redacted]"
    ai.runtime.close()


def test_the_commands_say_no_key(tmp_path: Path) -> None:
    (tmp_path / "viralai.yaml").write_text("providers: {openai: {api_key: '${OPENAI_API_KEY}'}}", "utf-8")
    variables = {**os.environ, "OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT), "VIRALAI_DEBUG": "1"}
    variables.pop("VIRALAI_CONFIG", None)
    for words in (["providers", "list"], ["doctor"], ["generate", "image", "fox", "--provider", "nobody"]):
        for form in ([], ["--json"]):
            command = [sys.executable, "-m", "viralai_sdk.cli", *words, *form]
            done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
            assert done.stdout + done.stderr
            assert KEY not in done.stdout + done.stderr, words
    assert list(leaks(tmp_path)) == []


def test_the_search_finds_what_it_is_for(tmp_path: Path) -> None:
    (tmp_path / ".viralai").mkdir()
    (tmp_path / ".viralai" / "journal.db").write_bytes(b"SQLite...sim-key...")
    (tmp_path / "notes.log").write_text(f"sent {KEY}", "utf-8")
    (tmp_path / "viralai.yaml").write_text(f"api_key: {KEY}", "utf-8")
    (tmp_path / "free.log").write_text("sim-key", "utf-8")
    caught = list(leaks(tmp_path))
    for path in caught:
        path.unlink()  # or the search at the end of this very session would find them
    assert sorted(path.name for path in caught) == ["journal.db", "notes.log"]


@pytest.mark.parametrize(
    ("line", "place"), [("print(KEY)", "output of"), ("(tmp_path / 'a.log').write_text(KEY)", "a.log")]
)
def test_a_session_that_lets_a_key_out_fails(tmp_path: Path, line: str, place: str) -> None:
    (tmp_path / "test_leak.py").write_text(f"KEY = 'vk-' + 'canary-x'\ndef test_it(tmp_path):\n    {line}\n", "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.canary",
        "-p",
        "no:cacheprovider",
        f"--basetemp={tmp_path / 'base'}",
    ]
    # The key is put together there, and taken out here again, so that this session's own search does not find it.
    done = subprocess.run(
        [*command, "test_leak.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    for path in (tmp_path / "base").rglob("*.log"):
        path.unlink()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "keys that got out" in done.stdout
    assert place in done.stdout
