"""What we send equals what the vendor's own client sends for the same work, and the simulator satisfies that client."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from email import message_from_bytes
from enum import Enum
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types import ImageGenCompletedEvent
from pydantic import BaseModel, Field

from tests.providers.by_hand import picture
from tests.providers.openai.support import IMAGE, SPEECH, TEXT, Services
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.simulator import Recorded, Simulator

ALLOWED_HEADERS = {
    "accept": "the vendor's client asks for what ours asks for; checked by `accepts` where it matters",
    "accept-encoding": "chosen by the HTTP library",
    "connection": "chosen by the HTTP library",
    "content-length": "follows from the body, whose JSON spelling may differ",
    "content-type": "compared without the multipart boundary, which is random",
    "host": "the same server",
    "user-agent": "says who is calling",
}
"""Header → why it may differ or be missing on one side. `x-stainless-*` only tells which client calls, and how often it retried."""
ALLOWED_FIELDS = {"stream": False}
"""Body field → value that may be there or not: the vendor's `parse` spells this default out."""


class Animal(Enum):
    FOX = "fox"
    OWL = "owl"


class Tag(BaseModel):
    word: str
    weight: float | None = None


class Scene(BaseModel):
    title: str = Field(description="A short title")
    animal: Animal
    tags: list[Tag]
    first: Tag = Field(description="The first tag")


@pytest.fixture
def vendor(sim: Simulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=sim.url("openai"), api_key=sim.key, max_retries=0) as client:
        yield client


def parts(recorded: Recorded) -> list[tuple[str, str | None, str, bytes]]:
    """(field, file name, content type, content) of a multipart body, by field name; parts of one name keep their order."""
    head = f"content-type: {recorded.headers['content-type']}\r\n\r\n".encode()
    found = []
    for part in message_from_bytes(head + recorded.body).walk():
        if not part.is_multipart():
            name = str(part.get_param("name", header="content-disposition"))
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            found.append((name, part.get_filename(), part.get_content_type(), content))
    return sorted(found, key=lambda item: item[0])


def same(theirs: Recorded, ours: Recorded) -> None:
    """Assert that two requests ask for the same."""
    assert (ours.method, ours.path, ours.query) == (theirs.method, theirs.path, theirs.query)
    assert ours.headers["content-type"].partition(";")[0] == theirs.headers["content-type"].partition(";")[0]
    differing = {
        name
        for name in ours.headers.keys() | theirs.headers.keys()
        if ours.headers.get(name) != theirs.headers.get(name) and not name.startswith("x-stainless-")
    }
    assert differing <= ALLOWED_HEADERS.keys()
    assert ours.headers["authorization"] == theirs.headers["authorization"]
    if ours.headers["content-type"].startswith("multipart/"):
        assert parts(ours) == parts(theirs)
    else:
        assert {**ALLOWED_FIELDS, **ours.json()} == {**ALLOWED_FIELDS, **theirs.json()}


def test_the_vendors_package_is_the_generation_that_the_facts_were_read_from() -> None:
    print(f"openai {openai.__version__}")
    assert openai.__version__.partition(".")[0] == "3"


async def test_plain_text(sim: Simulator, vendor: openai.OpenAI, services: Services) -> None:
    theirs = vendor.chat.completions.create(
        model=TEXT,
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
        ],
        max_completion_tokens=50,
        temperature=0.5,
        top_p=0.9,
        stop=["END"],
        seed=3,
    )
    turns = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    request = TextGenerationRequest(
        "three", system="Be brief.", messages=turns, max_tokens=50, temperature=0.5, top_p=0.9, stop="END", seed=3
    )
    ours = await services.text().call(request, TEXT)
    same(*sim.log)
    assert theirs.choices[0].message.content == ours.text == "simulated answer to: three"
    assert theirs.usage
    assert theirs.usage.total_tokens == ours.usage.total_tokens


async def test_text_about_pictures(sim: Simulator, vendor: openai.OpenAI, services: Services) -> None:
    request = TextGenerationRequest("what is this?", images=[picture(), picture("blue", kind="JPEG")])
    await services.text().call(request, TEXT)
    vendor.chat.completions.create(model=TEXT, messages=sim.log[0].json()["messages"])
    same(sim.log[1], sim.log[0])
    urls = [part["image_url"]["url"][:22] for part in sim.log[0].json()["messages"][0]["content"][1:]]
    assert urls == ["data:image/png;base64,", "data:image/jpeg;base64"]


async def test_streamed_text(sim: Simulator, vendor: openai.OpenAI, services: Services) -> None:
    chunks = vendor.chat.completions.create(
        model=TEXT,
        messages=[{"role": "user", "content": "hello"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    theirs = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    pieces, ours = await services.text().stream(TextGenerationRequest("hello"), TEXT)
    same(*sim.log)
    assert pieces == theirs
    assert ours.text == "".join(theirs) == "simulated answer to: hello"
    assert ours.usage.completion_tokens
    assert sim.log[0].headers["accept"] == sim.log[1].headers["accept"]


async def test_structured_text(sim: Simulator, vendor: openai.OpenAI, services: Services) -> None:
    messages: Any = [{"role": "user", "content": "a fox"}]
    theirs = vendor.chat.completions.parse(model=TEXT, messages=messages, response_format=Scene)
    ours = await services.text().call(TextGenerationRequest("a fox", schema=Scene), TEXT)
    same(*sim.log)
    assert Scene.model_validate_json(ours.text) == theirs.choices[0].message.parsed


async def test_responses(sim: Simulator, vendor: openai.OpenAI, services: Services) -> None:
    theirs = vendor.responses.parse(
        model=TEXT,
        instructions="Be brief.",
        input=[{"role": "user", "content": "a fox"}],
        max_output_tokens=500,
        text_format=Scene,
    )
    request = TextGenerationRequest("a fox", system="Be brief.", max_tokens=500, schema=Scene)
    ours = await services.text(api="responses").call(request, TEXT)
    same(*sim.log)
    assert Scene.model_validate_json(ours.text) == theirs.output_parsed


async def test_streamed_responses(sim: Simulator, vendor: openai.OpenAI, services: Services) -> None:
    stream = vendor.responses.create(model="gpt-5.5-pro", input=[{"role": "user", "content": "hello"}], stream=True)
    theirs = [event.delta for event in stream if event.type == "response.output_text.delta"]
    pieces, ours = await services.text().stream(TextGenerationRequest("hello"), "gpt-5.5-pro")
    same(*sim.log)
    assert pieces == theirs
    assert ours.text == "".join(theirs)
    assert ours.usage.total_tokens


async def test_pictures_from_words(sim: Simulator, vendor: openai.OpenAI, services: Services) -> None:
    theirs = vendor.images.generate(model=IMAGE, prompt="a fox", n=2, size="1024x576", quality="high")
    request = ImageGenerationRequest(prompt="a fox", num_images=2, aspect_ratio="16:9")
    ours = await services.image(quality="high").call(request, IMAGE)
    same(*sim.log)
    assert theirs.data
    assert len(ours.blobs) == len(theirs.data) == 2
    assert ours.blobs[0].media_type == "image/png"
    assert theirs.usage
    assert ours.quantities["output_image_token"] == theirs.usage.output_tokens


async def test_edits_with_a_mask_and_two_references(sim: Simulator, vendor: openai.OpenAI, services: Services) -> None:
    first, second, mask = picture(), picture("blue", kind="WEBP"), picture("#ff000080", mode="RGBA")
    theirs = vendor.images.edit(
        model=IMAGE,
        prompt="a fox",
        image=[("input.png", first, "image/png"), ("input.webp", second, "image/webp")],
        mask=("mask.png", mask, "image/png"),
        size="1024x1024",
        input_fidelity="high",
    )
    request = ImageGenerationRequest(
        prompt="a fox", reference_images=[first, second], mask=mask, options={"input_fidelity": "high"}
    )
    ours = await services.image().call(request, IMAGE)
    same(*sim.log)
    assert [name for name, *_ in parts(sim.log[1])].count("image[]") == 2
    assert theirs.usage
    assert theirs.usage.input_tokens_details.image_tokens == ours.quantities["input_image_token"]


async def test_an_edit_of_one_picture(sim: Simulator, vendor: openai.OpenAI, services: Services) -> None:
    vendor.images.edit(model=IMAGE, prompt="a fox", image=("input.png", picture(), "image/png"), size="1024x1024")
    await services.image().call(ImageGenerationRequest(prompt="a fox", reference_images=picture()), IMAGE)
    same(*sim.log)


async def test_speech(sim: Simulator, vendor: openai.OpenAI, services: Services) -> None:
    theirs = vendor.audio.speech.create(
        model=SPEECH, input="hello", voice="nova", response_format="wav", speed=1.5, instructions="Whisper."
    )
    request = SpeechSynthesisRequest(
        text="hello", voice_id="nova", output_format="wav", speed=1.5, instructions="Whisper."
    )
    ours = await services.speech().call(request, SPEECH)
    same(*sim.log)
    assert sim.log[0].headers["accept"] == sim.log[1].headers["accept"]
    assert ours.blobs[0].data == theirs.content


async def test_streamed_pictures(sim: Simulator, vendor: openai.OpenAI, services: Services) -> None:
    events = list(vendor.images.generate(model=IMAGE, prompt="a fox", size="1024x1024", stream=True, partial_images=2))
    pieces, ours = await services.image().stream(ImageGenerationRequest(prompt="a fox"), IMAGE)
    same(*sim.log)
    *partials, last = events
    assert [event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert [event.partial_image_index for event in partials] == [0, 1]  # type: ignore[union-attr]
    assert [base64.b64decode(event.b64_json) for event in partials] == pieces
    assert base64.b64decode(last.b64_json) == ours.blobs[0].data
    assert isinstance(last, ImageGenCompletedEvent)
    assert ours.quantities["output_image_token"] == last.usage.output_tokens
    assert ours.metadata["size"] == last.size == "1024x1024"


async def test_streamed_edits(sim: Simulator, vendor: openai.OpenAI, services: Services) -> None:
    source, mask = picture(), picture("#ff000080", mode="RGBA")
    events = list(
        vendor.images.edit(
            model=IMAGE,
            prompt="a fox",
            image=("input.png", source, "image/png"),
            mask=("mask.png", mask, "image/png"),
            size="1024x1024",
            stream=True,
            partial_images=1,
        )
    )
    request = ImageGenerationRequest(prompt="a fox", reference_images=source, mask=mask, options={"partial_images": 1})
    pieces, ours = await services.image().stream(request, IMAGE)
    same(*sim.log)
    assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]
    assert [base64.b64decode(event.b64_json) for event in events] == [*pieces, ours.blobs[0].data]


async def test_streamed_speech(sim: Simulator, vendor: openai.OpenAI, tmp_path: Path) -> None:
    text = "a long story of a fox " * 10
    with vendor.audio.speech.with_streaming_response.create(
        model=SPEECH, input=text, voice="nova", response_format="mp3"
    ) as answer:
        theirs = b"".join(answer.iter_bytes())
    provider = {"api_key": sim.key, "base_url": sim.url("openai")}
    async with ViralAI({"providers": {"openai": provider}}, home=tmp_path) as ai:
        chunks = [chunk async for chunk in ai.speech.stream(text, voice_id="nova", model=SPEECH, provider="openai")]
    same(*sim.log)
    assert sim.log[0].headers["accept"] == sim.log[1].headers["accept"]
    assert len(chunks) > 2
    assert b"".join(chunk.data for chunk in chunks) == theirs
    assert chunks[-1].response


async def test_organisation_and_project(sim: Simulator, services: Services) -> None:
    with openai.OpenAI(
        base_url=sim.url("openai"), api_key=sim.key, organization="org-1", project="proj-1", max_retries=0
    ) as vendor:
        vendor.chat.completions.create(model=TEXT, messages=[{"role": "user", "content": "hello"}])
    await services.text(organization="org-1", project="proj-1").call(TextGenerationRequest("hello"), TEXT)
    same(*sim.log)


@pytest.mark.parametrize(
    ("status", "theirs"),
    [(429, openai.RateLimitError), (500, openai.InternalServerError), (403, openai.PermissionDeniedError)],
)
def test_the_vendors_client_reads_injected_failures(
    sim: Simulator, vendor: openai.OpenAI, status: int, theirs: type[openai.APIStatusError]
) -> None:
    sim.faults.add("openai", status=status, message="by order")
    with pytest.raises(theirs, match="by order") as caught:
        vendor.chat.completions.create(model=TEXT, messages=[{"role": "user", "content": "hello"}])
    assert json.loads(caught.value.response.content)["error"]["message"] == "by order"


def test_the_vendors_client_reads_a_wrong_key_and_a_wrong_body(sim: Simulator, vendor: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        vendor.with_options(api_key="other").chat.completions.create(model=TEXT, messages=[])
    with pytest.raises(openai.BadRequestError) as caught:
        vendor.images.generate(model=IMAGE, prompt="a fox", extra_body={"sparkle": True})
    assert caught.value.param == "sparkle"
    assert caught.value.request_id
