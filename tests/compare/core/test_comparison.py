"""What a comparison says: votes, verdicts, tables, pages."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import TEXT, client, png
from tests.html_check import Elements, check_harmless
from tests.media_files import film
from viralai_sdk import AIServiceType, Arm, Comparison
from viralai_sdk.client import ViralAI
from viralai_sdk.compare import page
from viralai_sdk.compare.cells import Cell
from viralai_sdk.compare.comparison_votes import ComparisonVotes
from viralai_sdk.interfaces.errors import (
    ConfigurationError,
    ContentPolicyError,
    EmptyResultError,
    InvalidRequestError,
    StorageError,
)
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.records import Artifact, CallWarning
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationResponse
from viralai_sdk.store.journal import Journal

BAD = "<script>alert('x')</script>"
IMAGE, VIDEO = AIServiceType.IMAGE_GENERATION, AIServiceType.VIDEO_GENERATION


def text(words: str, **more: Any) -> TextGenerationResponse:
    return TextGenerationResponse(text=words, provider_used="openai", model_used="m", **more)


def texts(*names: str, prompts: int = 1, **details: Any) -> Comparison:
    """A comparison of texts with a cell for everything."""
    keys = {f"p{n:03d}": f"prompt {n}" for n in range(1, prompts + 1)}
    cells = [
        Cell(name, key, keys[key], 0, text(f"{name} on {key}", cost_usd=0.01), seconds=0.5)
        for name in names
        for key in keys
    ]
    return Comparison(TEXT, [Arm(name, name) for name in names], keys, cells, **details)


def artifact(path: Path, kind: str) -> Artifact:
    return Artifact(path=path, media_type=kind, size=path.stat().st_size, sha256="0" * 64)


def nasty(folder: Path) -> Comparison:
    """Pictures whose every word is an attack, and a failure."""
    (folder / "a.png").write_bytes(png())
    picture = ImageGenerationResponse(
        image_paths=[str(folder / "a.png")],
        artifacts=[artifact(folder / "a.png", "image/png")],
        provider_used=BAD,
        model_used='"><img src=http://example.com/x onerror=alert(1)>',
        warnings=[CallWarning(kind="other", parameter=BAD, message=BAD)],
        metadata={"prompt": BAD},
    )
    arms = [
        Arm(BAD, "openai", parameters={BAD: "javascript:alert(1)"}),
        Arm('x" onload="alert(1)', "embedded", template=BAD + "{prompt}"),
    ]
    error = ContentPolicyError(BAD, provider=BAD, hint='<a href="https://example.com">' + BAD, billed="maybe")
    cells = [
        Cell(BAD, "p001", BAD, response=picture, metrics={BAD: BAD, "n": 0.123456}),
        Cell(arms[1].name, "p001", BAD, error=error),
    ]
    return Comparison(IMAGE, arms, {"p001": BAD}, cells)


# --- reading -----------------------------------------------------------------------------------------------------------------------


def test_cells_are_found_by_arm_prompt_and_repeat() -> None:
    found = texts("a", "b", prompts=2)
    assert found.cell("a", "p002").response.text == "a on p002"  # type: ignore[union-attr]
    assert found.cell(Arm("b"), "prompt 1") is found.cell("b", "p001")
    assert [cell.key for cell in found.cells] == [
        ("a", "p001", 0),
        ("b", "p001", 0),
        ("a", "p002", 0),
        ("b", "p002", 0),
    ]
    for wrong in (("c", "p001"), ("a", "p009"), ("a", None), ("a", "p001", 4)):
        with pytest.raises(InvalidRequestError):
            found.cell(*wrong)  # type: ignore[arg-type]


def test_money_that_nobody_knows_is_never_shown_as_nothing() -> None:
    found = texts("a", "b")
    assert (found.cost_usd, found.cost_unknown) == (pytest.approx(0.02), 0)
    assert found.caption() == "2 arms × 1 prompt · $0.0200"
    found.put(Cell("b", "p001", "x", response=text("x")))
    assert (found.cost_usd, found.cost_unknown) == (pytest.approx(0.01), 1)
    assert found.caption().endswith("$0.0100 and 1 of unknown price")
    found.put(Cell("a", "p001", "x", error=StorageError("full", billed="yes")))
    assert (found.cost_usd, found.cost_unknown) == (None, 2)
    assert found.caption() == "2 arms × 1 prompt · 1 of 2 failed · price unknown"
    assert found.rows()[0]["cost_usd"] is None
    found.put(Cell("a", "p001", "x", 1, error=StorageError("full", billed="no")))
    assert "2 repeats" in found.caption()
    assert found.rows()[2]["cost_usd"] == 0


def test_the_table_and_the_data_frame_have_a_row_for_every_cell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    frame = nasty(tmp_path).to_pandas()
    assert list(frame["ok"]) == [True, False]
    assert list(frame["error"].isna()) == [True, False]
    assert frame["error"][1] == "ContentPolicyError"
    assert frame["n"][0] == 0.123456
    assert frame["artifact"][0].endswith("a.png")
    assert frame["warnings"][0] == 1
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigurationError, match=r"viralai-sdk\[compare\]"):
        texts("a").to_pandas()


# --- votes -------------------------------------------------------------------------------------------------------------------------


def test_votes_are_added_to_the_journal_and_found_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    found = texts("a", "b", journal=journal)
    assert found.vote("left").winner == "a"
    assert found.vote("2", rater="you").winner == "b"
    assert found.vote("b").winner == "b"
    assert found.vote("tie", "b", "a", "prompt 1").left == "b"
    assert len(journal.votes(f"comparison:{found.id}")) == 4
    again = texts("a", "b", journal=journal, comparison_id=found.id, votes=found.ballot.data()[:2])
    again.ballot.recall()
    assert again.judgements() == found.judgements()
    assert again.tally()[0] == {
        "first": "a", "second": "b", "first better": 1, "second better": 2, "tie": 1, "both bad": 0, "no opinion": 0
    }  # fmt: skip
    journal.close()


def test_a_vote_that_cannot_be_written_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_text("not a database, but long enough to be noticed as something else " * 20)
    found = texts("a", "b", journal=Journal(tmp_path / "journal.db"))
    with pytest.raises(StorageError):
        found.vote("left")
    assert found.judgements() == []


def test_a_vote_says_what_it_is_about() -> None:
    three = texts("a", "b", "c", prompts=2)
    for wrong in (
        {"prompt": "p001"},
        {"left": "a", "prompt": "p001"},
        {"left": "a", "right": "a", "prompt": "p001"},
        {"left": "a", "right": "x", "prompt": "p001"},
        {"left": "a", "right": "b"},
    ):
        with pytest.raises(InvalidRequestError):
            three.vote("left", **wrong)
    with pytest.raises(InvalidRequestError, match="no answer"):
        three.vote("c", "a", "b", "p001")
    three.put(Cell("a", "p001", "x", error=StorageError("full")))
    with pytest.raises(InvalidRequestError, match="no result"):
        three.vote("left", "a", "b", "p001")
    assert three.judgements() == []


@pytest.mark.parametrize("wrong", [{}, {"id": 3}, {"kind": "ghost"}, {"choice": "maybe"}, {"left": None}])
def test_a_ballot_refuses_what_is_no_vote(wrong: dict[str, Any]) -> None:
    good = {"id": "v", "left": "a", "right": "b", "choice": "tie", "prompt": "p", "rater": "me", "kind": "human"}
    assert len(ComparisonVotes("x", None, [good]).judgements()) == 1
    with pytest.raises(InvalidRequestError):
        ComparisonVotes("x", None, [{**good, **wrong} if wrong else {}])


def test_the_verdict_follows_the_votes() -> None:
    two = texts("a", "b", prompts=60)
    assert two.winner().winner is None
    for prompt in two.prompts:
        two.vote("left", prompt=prompt)
    assert two.winner().winner == "a"
    assert two.winner().state == "decided"
    assert "a" in two.winner().words
    assert two.winner("b", "a").winner == "a"


def test_an_arm_without_a_result_holds_no_verdict_up() -> None:
    full = texts("a", "b", prompts=60)
    arms, cells = [*full.arms, Arm("broken", "broken")], list(full.cells)
    cells += [Cell("broken", key, words, 0, error=EmptyResultError("nothing")) for key, words in full.prompts.items()]
    three = Comparison(TEXT, arms, full.prompts, cells)
    for prompt in three.prompts:
        three.vote("a", "a", "b", prompt)
    assert three.winner().winner == "a"
    assert three.winner("a", "broken").words.startswith("no votes yet")


def test_of_three_arms_the_winner_beats_both_others() -> None:
    three = texts("a", "b", "c", prompts=60)
    for prompt in three.prompts:
        three.vote("a", "a", "b", prompt)
    assert three.winner().winner is None
    for prompt in three.prompts:
        three.vote("a", "c", "a", prompt)
    assert three.winner().winner == "a"
    with pytest.raises(InvalidRequestError):
        texts("a").winner()
    with pytest.raises(InvalidRequestError):
        three.winner("a")


# --- pages -------------------------------------------------------------------------------------------------------------------------


def test_the_notebook_shows_everything_and_lets_nothing_run(tmp_path: Path) -> None:
    found = nasty(tmp_path)
    bundle = found._repr_mimebundle_()
    shown = check_harmless(bundle["text/html"])
    words = "".join(shown.text)
    assert "ContentPolicyError" in words
    assert BAD in words
    assert len(shown.all("img")) == 1
    assert "<script" not in bundle["text/html"].lower()
    assert "failed" in bundle["text/plain"]


def test_a_large_comparison_is_shown_in_part_and_says_so() -> None:
    found = texts("a", "b", prompts=60)
    html = str(page.grid(found))
    assert "36 more rows" in html
    assert len(html) < 100_000
    assert len(Elements(html).all("tr")) == 25


def test_a_comparison_without_cells_shows_itself() -> None:
    empty = Comparison(TEXT, [Arm("a")], {"p001": "x"})
    assert empty.repeats == 0
    check_harmless(empty._repr_mimebundle_()["text/html"])
    partial = Comparison(TEXT, [Arm("a"), Arm("b")], {"p001": "x"}, [Cell("a", "p001", "x", response=text("hi"))])
    assert "not made" in partial._repr_mimebundle_()["text/html"]


def alone(html: str) -> Elements:
    """A page that asks for nothing from outside and runs nothing."""
    shown = Elements(re.sub(r"<!doctype html>|<meta [^>]*>", "", html))
    for tag, attributes in shown.found:
        assert tag not in {"script", "iframe", "object", "link", "form", "a", "embed"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "poster"):
                assert value is not None
                assert value.startswith("data:")
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html
    return shown


def test_the_page_stands_alone_and_runs_nothing(tmp_path: Path) -> None:
    found = nasty(tmp_path)
    found.put(Cell(found.arms[1].name, "p001", BAD, 1, response=found.cells[0].response))
    found.vote("tie")
    html = found.to_html(tmp_path / "page.html").read_text("utf-8")
    shown = alone(html)
    assert "<script" not in html.lower()
    assert "".join(shown.text).count(BAD) > 5
    assert [image["src"][:22] for image in shown.all("img") if image["src"]] == ["data:image/png;base64,"] * 2
    assert "Votes" in "".join(shown.text)


def test_beyond_the_limit_a_thumbnail_stands_in_and_says_so(tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", (64, 48), 6, 6)
    sound = tmp_path / "tone.wav"
    sound.write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(200))
    odd = tmp_path / "odd.xyz"
    odd.write_bytes(b"nobody knows")
    films = VideoGenerationResponse(video_path=str(clip), provider_used="a", artifacts=[artifact(clip, "video/mp4")])
    speech = SpeechSynthesisResponse(audio_path=str(sound), duration=1, provider_used="b")
    gone = VideoGenerationResponse(video_path=str(tmp_path / "gone.mp4"), provider_used="c")
    strange = VideoGenerationResponse(video_path=str(odd), provider_used="d")
    none = VideoGenerationResponse(provider_used="e")
    made = {"a": films, "b": speech, "c": gone, "d": strange, "e": none}
    found = Comparison(
        VIDEO,
        [Arm(name) for name in made],
        {"p": "x"},
        [Cell(name, "p", "x", response=one) for name, one in made.items()],
    )
    whole = alone(found.to_html(tmp_path / "whole.html").read_text("utf-8"))
    assert len(whole.all("video")) == len(whole.all("audio")) == 1
    words = "".join(whole.text)
    assert "missing" in words
    assert "no file" in words
    assert "odd.xyz" in words
    small = alone(found.to_html(tmp_path / "small.html", embed=10).read_text("utf-8"))
    assert small.all("video") == small.all("audio") == []
    assert len(small.all("img")) == 1
    assert "The first picture only" in "".join(small.text)
    pictures = nasty(tmp_path)
    assert "A smaller copy" in pictures.to_html(tmp_path / "p.html", embed=0).read_text("utf-8")


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError):
        texts("a").to_html(tmp_path / "file" / "page.html")


async def test_the_notebook_shows_films_and_recordings_of_real_runs(home: Path) -> None:
    async with client({}, home) as ai:
        found = await ai.compare.speech("Hi.", ["embedded", {"provider": "embedded", "speed": 1.2}])
        assert len(check_harmless(found._repr_mimebundle_()["text/html"]).all("audio")) == 2
        pictures = await ai.compare.image("a fox", ["embedded"], width=64, height=64)
        assert len(check_harmless(pictures._repr_mimebundle_()["text/html"]).all("img")) == 1


async def test_a_page_shows_every_picture_once_when_the_project_is_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with ViralAI({}, home=tmp_path, progress=False) as ai:
        found = await ai.compare.image(
            "a fox", providers=["embedded", {"provider": "embedded", "seed": 5}], width=64, height=64
        )
    page = found.to_html(tmp_path / "page.html").read_text("utf-8")
    assert page.count("<img") == 2
