"""One client: in several loops, threads and kernels, with secrets kept and bad surroundings told."""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import traceback
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import KEY, TEXT, client, config, rows, text_provider, use
from viralai_sdk import ImageGenerationRequest, ViralAI, blocking
from viralai_sdk.interfaces.errors import (
    AIError,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
)
from viralai_sdk.simulator import Simulator


def python(code: str, *arguments: str, flags: tuple[str, ...] = ("-W", "error")) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, *flags, "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=400, check=False)


def test_one_client_works_across_loops_threads_and_blocking_twins_and_closes_cleanly(
    sim: Simulator, home: Path
) -> None:
    code = """
    import asyncio, gc, sys, threading
    from viralai_sdk import ViralAI
    ai = ViralAI({"providers": {"openai": {"api_key": sys.argv[1], "base_url": sys.argv[2]}}}, home=sys.argv[3], progress=False)
    async def both():
        await asyncio.gather(ai.text("hello"), ai.image("a fox"))
        async for chunk in ai.text.stream("hello"):
            pass
    for _ in range(2):
        asyncio.run(both())
    threads = [threading.Thread(target=lambda: asyncio.run(both())) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    async def inside():
        assert ai.sync.text("inside a running loop").text
    asyncio.run(inside())
    [thread.start() or thread.join() for thread in [threading.Thread(target=lambda: ai.sync.text("in a thread"))]]
    assert [chunk.text for chunk in ai.sync.text.stream("hello")][-1] == ""
    ai.sync.close()
    gc.collect()
    print("done")
    """
    found = python(code, sim.key, sim.url("openai"), str(home))
    assert (found.stdout, found.stderr, found.returncode) == ("done\n", "", 0)
    assert len(rows(home)) == 5 * 3 + 3
    assert {row["outcome"] for row in rows(home)} == {"ok"}


def test_a_key_never_reaches_a_file_a_message_or_a_pickle(sim: Simulator, home: Path) -> None:
    ai = client(config(sim, openai={"api_key": KEY}), home)
    caught: list[BaseException] = []

    async def fail() -> None:
        for call in (ai.text(f"my key is {KEY}"), ai.image(f"a {KEY}")):
            try:
                await call
            except AIError as error:
                caught.append(error)
        await ai.aclose()

    asyncio.run(fail())
    assert [type(error) for error in caught] == [AuthenticationError, AuthenticationError]
    for error in caught:
        assert KEY not in repr(error) + str(error) + "".join(traceback.format_exception(error))
        assert KEY.encode() not in pickle.dumps(error)
    service = ai.runtime.factory.service(TEXT, "openai")
    for thing in (ai, ai.config, ai.manager.get_service("text").config, service.config, ai.providers()):
        assert KEY not in repr(thing)
    assert len(sim.log) == 2
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_a_full_disk_is_told_and_leaves_nothing_half_written(home: Path) -> None:
    code = """
    import asyncio, resource, signal, sys
    from pathlib import Path
    from viralai_sdk import ViralAI, AIError
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    ai = ViralAI({}, home=sys.argv[1], progress=False)
    async def main():
        await ai.text("warm")
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
        try:
            await ai.video("a fox in the snow", duration=4, width=640, height=360)
        except AIError as error:
            print(type(error).__name__, error.billed)
        try:
            await ai.image("a fox", width=1024, height=1024)
        except AIError as error:
            print(type(error).__name__)
        print((await ai.image("a fox", width=32, height=32)).artifacts[0].width)
    asyncio.run(main())
    """
    found = python(code, str(home), flags=())
    lines = found.stdout.split("\n")
    assert found.returncode == 0, found.stderr
    assert lines[-2] == "32"
    assert "StorageError" in found.stdout, found.stdout
    assert not [path for path in home.rglob("*") if path.name.endswith(".part") or ".viralai/tmp/" in str(path)]


async def test_batches_keep_order_and_lose_nothing(home: Path) -> None:
    def act(request: Any) -> str:
        if request.prompt == "bad":
            raise KeyError("inside")
        return str(request.prompt)

    use(TEXT, echo=text_provider(act))
    ai = client({}, home)
    items = ["one", "bad", {"prompt": "three", "max_tokens": 5}, {"max_tokens": 5}]
    result = await ai.text.batch(items, provider="echo", concurrency=2)
    assert [getattr(item, "text", None) for item in result] == ["one", None, "three", None]
    assert result.failed_indexes == [1, 3]
    assert [result.prompt(place) for place in range(2)] == ["one", "bad"]
    for wrong in ("one prompt", b"bytes", {"prompt": "x"}, 5):
        with pytest.raises((InvalidRequestError, TypeError)):
            await ai.text.batch(wrong)  # type: ignore[arg-type]
    for number in (0, -1, "8", True):
        with pytest.raises(InvalidRequestError):
            await ai.text.batch(["x"], concurrency=number)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError):
        await ai.text.batch([5])
    with pytest.raises(InvalidRequestError):
        await ai.text.batch(["x"], timeout=-1)
    assert len(await ai.image.batch([ImageGenerationRequest("a", width=32, height=32)], seed=5)) == 1


async def test_what_was_answered_is_found_again_by_a_later_client(home: Path) -> None:
    def act(request: Any) -> str:
        return "no value at all" if request.prompt == "a value" else f"about {request.prompt}"

    use(TEXT, echo=text_provider(act))
    ai = client({}, home)
    await ai.text("foxes", provider="echo")
    await ai.image("a fox", width=32, height=32)
    with pytest.raises(MalformedResponseError):
        await ai.text("a value", provider="echo", schema={"type": "object"})
    ai.set_fallback_chain("text", ["embedded"])
    served = await ai.text("a value", provider="echo", schema={"type": "object"})
    await ai.aclose()
    later = ViralAI({}, home=home, session=ai.session.session_id, progress=False)
    second, failed, picture, first = later.calls()
    assert (first["prompt"], first["text"], first["rejected"]) == ("foxes", "about foxes", [])
    assert (picture["text"], [Path(path).suffix for path in picture["files"]]) == (None, [".png"])
    assert (failed["outcome"], failed["text"]) == ("failed", None)
    assert [(one["provider"], one["text"]) for one in failed["rejected"]] == [("echo", "no value at all")]
    assert (second["outcome"], second["text"]) == ("ok", served.text)
    assert [one["text"] for one in second["rejected"]] == ["no value at all"]
    assert [row["prompt"] for row in later.calls("text", limit=1)] == ["a value"]
    assert len(ViralAI({}, home=home, progress=False).calls(all_sessions=True)) == 4
    with pytest.raises(InvalidRequestError, match="limit"):
        later.calls(limit=0)
    assert "about foxes" in repr(later.calls("text"))


async def test_nothing_beside_a_request_is_silently_dropped(home: Path) -> None:
    ai = client({}, home)
    request = ImageGenerationRequest("a fox", width=32, height=32)
    assert (await ai.image(request)).artifacts[0].width == 32  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="seed"):
        await ai.image(request, seed=5)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="messages"):
        await ai.text(messages="hello")  # type: ignore[arg-type]


async def test_several_languages_are_joined_in_order(home: Path) -> None:
    ai = client({}, home)
    segments = [{"text": "hello there", "language": "en"}, {"text": "hola", "language": "es"}]
    joined = await ai.speech.multilingual(segments, transition_duration=1.0)
    alone = [await ai.speech(part["text"], language=part["language"]) for part in segments]
    assert joined.duration == pytest.approx(sum(part.duration for part in alone) + 1.0, abs=0.05)
    starts = [word.start for word in joined.word_timings]
    assert starts == sorted(starts)
    assert len(joined.attempts) == 2
    with pytest.raises(AIError, match="WAV"):
        await ai.speech.multilingual(segments, output_format="mp3")


def test_the_blocking_twins_know_their_place(home: Path) -> None:
    ai = client({}, home)
    assert repr(ai.sync.text).startswith("blocking")
    job = ai.sync.video.submit("a fox", duration=0.5, width=64, height=48, fps=8)
    assert [update.over for update in job][-1]
    assert job.wait().video_path
    assert ai.sync.jobs(job.id).status().over
    assert ai.sync.jobs.resume().summary().startswith("0 of 0")
    assert ai.sync.speech.voices()

    async def nested() -> None:
        ai.sync.text("inside its own loop")

    with pytest.raises(ConfigurationError, match="own loop"):
        blocking.run(nested())
    with pytest.raises(InvalidRequestError):
        ai.sync.text("")
    seen: list[int] = []

    async def slow() -> str:
        while len(seen) < 2:
            await asyncio.sleep(0.01)
        return threading.current_thread().name

    assert blocking.run(slow(), lambda: seen.append(1)) == "viralai-sync"
    assert len(seen) >= 2 + 1  # and once more at the end
    ai.sync.close()


def test_nested_loops_are_an_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
    import asyncio
    from viralai_sdk.blocking import enable_nested
    enable_nested()
    async def inner(): return 5
    async def outer(): return asyncio.run(inner())
    print(asyncio.run(outer()))
    """
    assert python(code, flags=()).stdout == "5\n"
    monkeypatch.setitem(sys.modules, "nest_asyncio2", None)
    with pytest.raises(ConfigurationError, match="pip install"):
        blocking.enable_nested()


async def test_a_client_is_built_late_and_used_again_after_closing(home: Path) -> None:
    lazy = ViralAI()
    assert repr(lazy) == "ViralAI()"
    await lazy.aclose()
    async with client({}, home) as ai:
        assert (await ai.text("one")).text
    assert (await ai.text("two")).text
    await ai.aclose()
    assert len(rows(home)) == 2
    assert ai.session.session_id == ai.runtime.session_id
    with pytest.raises(ConfigurationError):
        client({}, home, session="../elsewhere")


async def test_results_of_old_code_go_to_its_session(home: Path) -> None:
    class Context:
        session_id = "session_mine"

    ai = client({}, home)
    request = ImageGenerationRequest("a fox", width=32, height=32, session_context=Context())
    response = await ai.image(request)  # type: ignore[arg-type]
    assert response.session_id == "session_mine"
    assert "session_mine" in str(response.artifacts[0].path)


def test_the_package_offers_its_names_late() -> None:
    code = "import sys, viralai_sdk; print(any(name in sys.modules for name in ('pydantic', 'httpx2', 'numpy')))"
    assert python(code).stdout == "False\n"
    import viralai_sdk

    assert {"ai", "ViralAI", "AIServiceManager"} <= set(dir(viralai_sdk))
    with pytest.raises(AttributeError, match="nothing"):
        _ = viralai_sdk.nothing
    code = "from viralai_sdk import ai; print(repr(ai))"
    assert python(code).stdout == "ViralAI()\n"
