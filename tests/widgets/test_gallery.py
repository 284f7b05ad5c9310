"""SessionGallery without a browser: what it lists, what it sends, and how a result is made again."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.doubles import client, home, image_provider, png, text_provider, use
from tests.media_files import film, recording
from tests.widgets.messages import custom, from_page, page_sets, receive, sent_by
from tests.widgets.waiting import until
from viralai_sdk import ViralAI
from viralai_sdk.interfaces.errors import InvalidRequestError, StorageError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.store.rows import CallRow, new_id
from viralai_widgets import SessionGallery
from viralai_widgets import gallery as gallery_module
from viralai_widgets import records as records_module

__all__ = ["home"]

ATTACK = '<script>alert("1")</script>'


async def shown(ai: ViralAI, **details: Any) -> SessionGallery:
    gallery = SessionGallery(ai, **details)
    await gallery.refresh()
    return gallery


async def with_results(home: Path) -> ViralAI:
    """A client with a picture, a failed call, a text and a sentence."""

    def act(request: Any) -> str:
        return f"about {request.prompt}"

    use(AIServiceType.TEXT_GENERATION, ada=text_provider(act))
    ai = client({}, home)
    await ai.image(f"a fox {ATTACK}", width=160, height=96, seed=7, style="noir")
    await ai.text("two words", provider="ada", max_tokens=50)
    await ai.speech("Good evening.")
    with pytest.raises(InvalidRequestError):
        await ai.text(" ", provider="ada")
    return ai


def of(gallery: SessionGallery, service: str) -> dict[str, Any]:
    (found,) = [item for item in gallery.items if item["service"] == service]
    return dict(found)


async def test_it_lists_what_was_made_newest_first_without_media(home: Path) -> None:
    gallery = await shown(await with_results(home))
    assert [item["service"] for item in gallery.items] == ["speech", "text", "image"]
    assert of(gallery, "image")["prompt"] == f"a fox {ATTACK}"
    assert of(gallery, "image")["price"] == "free"
    assert of(gallery, "text")["price"] == "price unknown"
    assert of(gallery, "speech")["duration"] > 0.3
    state = json.dumps(
        {name: value for name, value in gallery.get_state().items() if name not in ("_esm", "_css")}, default=str
    )
    assert len(state) < 5_000
    assert str(home) not in state
    assert gallery.static_text() == "Results: 3 of 3 results"
    assert ATTACK not in gallery.static_html()


async def test_a_thumbnail_wished_in_the_moment_the_drawing_ends_is_drawn(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = await shown(await with_results(home))
    picture, words = of(gallery, "image")["id"], of(gallery, "text")["id"]
    send = gallery.send

    def sends(content: Any, buffers: Any = None) -> None:
        send(content, buffers)
        if (
            content["id"] == picture
        ):  # a message that comes when the last one is drawn and nobody has heard of the end yet
            gallery.owner.loop.call_soon(gallery._draw, [words])

    monkeypatch.setattr(gallery, "send", sends)
    with sent_by(gallery) as sent:
        gallery._draw([picture])
        await until(lambda: len(custom(sent, "thumbnail")) == 2)
    assert [told["id"] for told in custom(sent, "thumbnail")] == [picture, words]


async def test_a_thumbnail_of_what_is_no_longer_listed_does_not_stop_the_others(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = await shown(await with_results(home))
    wished = [of(gallery, kind)["id"] for kind in ("text", "speech", "image")]
    gallery._draw(wished)
    del gallery._records[wished[0]], gallery._records[wished[1]]  # the list is read anew before the drawing begins
    with sent_by(gallery) as sent:
        await until(lambda: custom(sent, "thumbnail"))
    assert [told["id"] for told in custom(sent, "thumbnail")] == [wished[2]]


async def test_filters_are_set_from_both_sides(home: Path) -> None:
    gallery = await shown(await with_results(home))
    receive(gallery, page_sets(service="image"))
    assert [item["service"] for item in gallery.found] == ["image"]
    gallery.service = ""
    gallery.text = "WORDS ada"
    assert [item["service"] for item in gallery.found] == ["text"]
    gallery.text = "words fox"
    assert gallery.found == []
    gallery.text, gallery.provider = "", "embedded"
    assert len(gallery.found) == 2
    assert "2 of 3 results" in gallery.static_html()


async def test_a_session_is_listed_alone_or_with_all_others(home: Path) -> None:
    ai = await with_results(home)
    await ai.aclose()
    later = client({}, home)
    await later.text("two more", provider="ada")
    gallery = await shown(later)
    assert len(gallery.items) == 1
    receive(gallery, page_sets(all_sessions=True))
    await until(lambda: len(gallery.items) == 4)
    assert len((await shown(later, session=ai.session.session_id)).items) == 3
    assert len((await shown(later, all_sessions=True, limit=2)).items) == 2


async def test_thumbnails_are_made_for_what_is_in_view_and_are_small(home: Path) -> None:
    gallery = await shown(await with_results(home))
    picture, sentence = of(gallery, "image")["id"], of(gallery, "speech")["id"]
    with sent_by(gallery) as sent:
        receive(gallery, from_page("thumbnails", ids=[picture, sentence, "call_unknown"]))
        await until(lambda: len(custom(sent, "thumbnail")) == 2)
    told = {one["data"]["content"]["id"]: one for one in sent}
    assert told[sentence]["data"]["content"]["media_type"] is None
    assert told[sentence]["buffers"] == []
    (data,) = told[picture]["buffers"]
    assert len(data) < gallery_module.TILE_BYTES
    assert max(Image.open(io.BytesIO(data)).size) <= gallery_module.TILE_SIDE


async def test_a_newer_wish_replaces_what_has_gone_out_of_view(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(AIServiceType.IMAGE_GENERATION, ada=image_provider(png()))
    ai = client({}, home)
    for number in range(12):
        await ai.image(f"number {number}", provider="ada")
    monkeypatch.setattr(gallery_module, "KEPT_THUMBNAILS", 3)
    gallery = await shown(ai)
    ids = [item["id"] for item in gallery.items]
    with sent_by(gallery) as sent:
        receive(gallery, from_page("thumbnails", ids=ids[:8]))
        receive(gallery, from_page("thumbnails", ids=ids[9:11]))
        await until(lambda: len(custom(sent, "thumbnail")) >= 2)
        await until(lambda: not gallery._drawing)
    drawn = [one["id"] for one in custom(sent, "thumbnail")]
    assert drawn[-2:] == ids[9:11]
    assert len(drawn) <= 3
    assert len(gallery._small) <= 3
    with sent_by(gallery) as sent:
        receive(gallery, from_page("thumbnails", ids=ids[9:10]))
        await until(lambda: custom(sent, "thumbnail"))


async def test_an_open_result_tells_all_and_sends_its_file(home: Path) -> None:
    gallery = await shown(await with_results(home))
    picture = of(gallery, "image")["id"]
    receive(gallery, page_sets(selected=picture))
    detail = gallery.detail
    assert detail["prompt"] == f"a fox {ATTACK}"
    assert detail["parameters"] == {"style": "noir", "width": "160", "height": "96", "seed": "7"}
    (file,) = detail["files"]
    assert (file["media_type"], file["width"], file["height"], file["there"]) == ("image/png", 160, 96, True)
    with sent_by(gallery) as sent:
        receive(gallery, from_page("file", id=picture, number=0))
        await until(lambda: custom(sent, "file"))
    (message,) = [one for one in sent if one["buffers"]]
    assert message["buffers"][0].startswith(b"\x89PNG")
    for wrong in ({"id": picture, "number": 1}, {"id": picture, "number": True}, {"id": "call_x", "number": 0}):
        gallery.clear_error()
        receive(gallery, from_page("file", **wrong))
        await until(lambda: gallery.error)
    receive(gallery, page_sets(selected=""))
    assert gallery.detail == {}


async def test_a_file_that_is_gone_or_too_large_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = await shown(await with_results(home))
    record = gallery._record(of(gallery, "image")["id"])
    monkeypatch.setattr(records_module, "SENT_BYTES", 10)
    with pytest.raises(InvalidRequestError, match="too large"):
        records_module.file_bytes(record, 0)
    record.files[0].path.unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        records_module.file_bytes(record, 0)
    gallery.selected = record.id
    assert gallery.detail["files"][0]["there"] is False
    with sent_by(gallery) as sent:
        receive(gallery, from_page("thumbnails", ids=[record.id]))
        await until(lambda: custom(sent, "thumbnail"))
    assert custom(sent, "thumbnail")[0]["media_type"] is None


async def test_an_open_text_is_there_to_read_again(home: Path) -> None:
    answer = f"Ten words {ATTACK}\nand a second line. "
    use(AIServiceType.TEXT_GENERATION, ada=text_provider(lambda request: answer * (records_module.SHOWN_LETTERS // 9)))
    ai = client({}, home)
    await ai.text("ten words", provider="ada")
    gallery = await shown(ai)
    gallery.selected = of(gallery, "text")["id"]
    assert gallery.detail["text"].startswith(answer)
    assert len(gallery.detail["text"]) == records_module.SHOWN_LETTERS
    assert answer not in json.dumps(gallery.items)


async def test_a_prompt_is_reused(home: Path) -> None:
    gallery = await shown(await with_results(home))
    heard: list[tuple[str, str]] = []
    gallery.on_reuse(lambda prompt, item: heard.append((prompt, item["service"])))
    receive(gallery, from_page("reuse", id=of(gallery, "speech")["id"]))
    assert gallery.prompt == "Good evening."
    assert heard == [("Good evening.", "speech")]
    assert gallery.notice == "The prompt was taken."
    receive(gallery, from_page("reuse", id="call_x"))
    assert "there is no result" in gallery.error["message"]


async def test_the_code_makes_the_same_picture_again(home: Path) -> None:
    ai = await with_results(home)
    gallery = await shown(ai)
    item = of(gallery, "image")
    assert gallery.code(item["id"]).startswith("await ai.image(")
    made = await gallery.reproduce(item["id"])
    await until(lambda: len(gallery.items) == 4)
    first, again = gallery._record(item["id"]), gallery._record(gallery.items[0]["id"])
    assert Image.open(first.files[0].path).tobytes() == Image.open(again.files[0].path).tobytes()
    names: dict[str, Any] = {"ai": ai}
    exec(f"async def again():\n    return {gallery.code(item['id'])}", names)
    by_code = await names["again"]()
    assert Image.open(by_code.first_image).tobytes() == Image.open(made.first_image).tobytes()  # type: ignore[attr-defined]
    spoken = await gallery.reproduce(of(gallery, "speech")["id"])
    assert spoken.metadata or spoken.provider_used == "embedded"


async def test_what_was_made_from_given_files_is_not_made_again_without_them(home: Path) -> None:
    use(AIServiceType.IMAGE_GENERATION, ada=image_provider(png()))
    ai = client({}, home)
    await ai.image("as a painting", provider="ada", reference_images=[png(), png(32, 32)])
    gallery = await shown(ai)
    item = gallery.items[0]
    assert "reference_images=..." in gallery.code(item["id"])
    with pytest.raises(InvalidRequestError, match="reference_images; the journal does not keep them"):
        await gallery.reproduce(item["id"])


async def test_films_have_a_first_picture_and_rows_of_another_sdk_are_left_out(home: Path) -> None:
    ai = client({}, home)
    clip, sound = film(home / "clip.mp4"), recording(home / "a.wav")
    for service, path, kind in (("video_generation", clip, "video/mp4"), ("smell_generation", sound, "audio/wav")):
        call = CallRow(new_id("call"), None, service, "runway", "gen-5", request_json='{"prompt": "a ball"}')
        call.artifacts_json = json.dumps([{"path": str(path), "media_type": kind, "size": 9, "duration": 2.0}])
        call.warnings_json = json.dumps([{"kind": "other", "message": f"careful {ATTACK}"}])
        ai.runtime.journal.record_call(call)
    gallery = await shown(ai, all_sessions=True)
    (item,) = gallery.items
    assert (item["service"], item["model"], item["duration"]) == ("video", "gen-5", 2.0)
    gallery.selected = item["id"]
    assert gallery.detail["warnings"] == [f"careful {ATTACK}"]
    assert gallery.code(item["id"]) == "await ai.video('a ball', provider='runway:gen-5', fallback=False)"
    with sent_by(gallery) as sent:
        receive(gallery, from_page("thumbnails", ids=[item["id"]]))
        await until(lambda: custom(sent, "thumbnail"))
    assert custom(sent, "thumbnail")[0]["media_type"] in ("image/jpeg", "image/png")


async def test_wrong_use_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ai = client({}, home)
    with pytest.raises(InvalidRequestError, match="limit"):
        SessionGallery(ai, limit=0)
    with pytest.raises(InvalidRequestError, match="Did you mean 'service'"):
        SessionGallery(ai, servce="image")
    gallery = await shown(ai)
    receive(gallery, from_page("sing"))
    assert "sing" in gallery.error["message"]
    receive(gallery, page_sets(service="smell"))
    assert gallery.service == ""

    def broken(*_: Any) -> Any:
        raise StorageError("the journal is damaged")

    monkeypatch.setattr(ai.runtime.journal, "calls", broken)
    await gallery.refresh()
    assert gallery.error["message"] == "the journal is damaged"
