"""The vendor's own client works with the simulator, we send what it sends, and the catalog says what its types say."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, get_args, get_origin, get_type_hints

import pytest
import runwayml
import typing_extensions

from tests.providers.media_fidelity import same
from tests.providers.runway.support import IMAGE, SPEECH, VIDEO, Jobs, film, picture, pictures, say, service
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.steps import JobTicket
from viralai_sdk.providers.runway.models import catalog
from viralai_sdk.simulator import Simulator

ROUTES = ("text_to_video", "image_to_video", "text_to_image", "text_to_speech")


@pytest.fixture
def vendor(sim: Simulator) -> Iterator[runwayml.RunwayML]:
    with runwayml.RunwayML(base_url=sim.url("runway"), api_key=sim.key, max_retries=0) as client:
        yield client


def test_the_vendors_package_is_the_generation_that_the_facts_were_read_from() -> None:
    print(f"runwayml {version('runwayml')}")
    assert version("runwayml").partition(".")[0] == "5"


async def test_a_film_from_words(sim: Simulator, vendor: runwayml.RunwayML, services: Jobs) -> None:
    task = vendor.text_to_video.create(model="gen4.5", prompt_text="a fox", ratio="1280:720", duration=2, seed=3)
    driver, _ticket = await services.submit("video", film(duration=2, seed=3), VIDEO)
    same(*sim.log, auth="authorization")
    assert sim.log[0].headers["x-runway-version"] == sim.log[1].headers["x-runway-version"]
    sim.clock.push(2)
    sim.log.clear()
    running = vendor.tasks.retrieve(task.id)
    assert running.status == "RUNNING"
    await services.look(driver, JobTicket(task.id))
    same(*sim.log, auth="authorization")
    sim.clock.push(10)
    done = vendor.tasks.retrieve(task.id)
    assert done.status == "SUCCEEDED"
    assert done.cost.credits == 24
    assert len(done.output) == 1


async def test_a_film_between_two_pictures(sim: Simulator, vendor: runwayml.RunwayML, services: Jobs) -> None:
    request = film(image=picture(), last_image=picture("blue"), duration=4, aspect_ratio="9:16", negative_prompt="rain")
    _, ticket = await services.submit("video", request, "veo3.1")
    frames: Any = sim.log[0].json()["promptImage"]
    vendor.image_to_video.create(
        model="veo3.1",
        prompt_text="a fox",
        prompt_image=frames,
        ratio="720:1280",
        duration=4,
        negative_prompt="rain",
    )
    same(sim.log[1], sim.log[0], auth="authorization")
    assert [frame["position"] for frame in frames] == ["first", "last"]
    assert ticket.remote_id


async def test_a_picture(sim: Simulator, vendor: runwayml.RunwayML, services: Jobs) -> None:
    await services.submit("image", pictures(seed=1, reference_images=picture()), IMAGE)
    references: Any = sim.log[0].json()["referenceImages"]
    vendor.text_to_image.create(
        model="gen4_image", prompt_text="a fox", ratio="1024:1024", seed=1, reference_images=references
    )
    same(sim.log[1], sim.log[0], auth="authorization")


async def test_speech(sim: Simulator, vendor: runwayml.RunwayML, services: Jobs) -> None:
    vendor.text_to_speech.create(
        model="eleven_multilingual_v2",
        prompt_text="hello there",
        voice={"type": "runway-preset", "preset_id": "Noah"},
    )
    await services.submit("speech", say(voice_id="Noah"), SPEECH)
    same(*sim.log, auth="authorization")


async def test_cancelling(sim: Simulator, vendor: runwayml.RunwayML, services: Jobs) -> None:
    driver, ticket = await services.submit("video", film(), VIDEO)
    await driver.run(driver.adapter.cancel(ticket))  # type: ignore[attr-defined]
    theirs = vendor.text_to_video.create(model="gen4.5", prompt_text="a fox", ratio="1280:720", duration=5)
    vendor.tasks.delete(theirs.id)
    ours, vendors = (entry for entry in sim.log if entry.method == "DELETE")
    assert ours.headers["authorization"] == vendors.headers["authorization"]
    assert (ours.path, vendors.path) == (f"/v1/tasks/{ticket.remote_id}", f"/v1/tasks/{theirs.id}")
    assert not ours.body
    cancelled = vendor.tasks.retrieve(theirs.id)
    assert cancelled.status == "CANCELLED"


async def test_refusals(sim: Simulator, vendor: runwayml.RunwayML, services: Jobs) -> None:
    for status, theirs in ((429, runwayml.RateLimitError), (500, runwayml.InternalServerError)):
        sim.faults.add("runway", status=status, message="by order", times=1)
        with pytest.raises(theirs, match="by order"):
            vendor.text_to_video.create(model="gen4.5", prompt_text="a fox", ratio="1280:720", duration=5)
    sim.faults.add("runway", status=429, message="by order", times=1)
    with pytest.raises(e.RateLimitError, match="by order"):
        await services.submit("video", film(), VIDEO)
    with pytest.raises(runwayml.BadRequestError, match="ratio"):
        vendor.text_to_video.create(model="gen4.5", prompt_text="a fox", ratio="1:1", duration=5)  # type: ignore[call-overload]
    with pytest.raises(runwayml.AuthenticationError):
        vendor.with_options(api_key="other").tasks.retrieve("x")
    with pytest.raises(runwayml.NotFoundError):
        vendor.tasks.retrieve("nobody")


def test_a_failed_task_as_the_vendors_client_reads_it(sim: Simulator, vendor: runwayml.RunwayML) -> None:
    sim.faults.add("runway", "blocked", times=1)
    task = vendor.text_to_video.create(model="gen4.5", prompt_text="a fox", ratio="1280:720", duration=5)
    sim.clock.push(10)
    failed = vendor.tasks.retrieve(task.id)
    assert failed.status == "FAILED"
    assert failed.failure_code == "SAFETY.INPUT.TEXT"
    assert failed.cost.credits == 0


def bare(kind: Any) -> Any:
    """A type without the marks around it."""
    while get_origin(kind) in (typing_extensions.Required, typing.Annotated):
        kind = get_args(kind)[0]
    return kind


def literals(kind: Any) -> list[Any]:
    kind = bare(kind)
    if get_origin(kind) is typing.Literal:
        return list(get_args(kind))
    return [value for part in get_args(kind) if get_origin(kind) is typing.Union for value in literals(part)]


def alias(name: str, kind: Any) -> str:
    """The JSON name of a field."""
    while get_origin(kind) in (typing_extensions.Required, typing.Annotated):
        for mark in getattr(kind, "__metadata__", ()):
            if getattr(mark, "alias", None):
                return str(mark.alias)
        kind = get_args(kind)[0]
    return name


@pytest.mark.parametrize("route", ROUTES)
def test_the_catalogs_limits_are_those_of_the_vendors_types(route: str) -> None:
    module = importlib.import_module(f"runwayml.types.{route}_create_params")
    union = getattr(module, "".join(word.capitalize() for word in route.split("_")) + "CreateParams")
    seen = set()
    for shape in get_args(union):
        hints = get_type_hints(shape, include_extras=True)
        model = literals(hints.pop("model"))[0]
        limits = catalog().models[model].limits[route]
        seen.add(model)
        assert set(limits["fields"]) == {alias(name, kind) for name, kind in hints.items()}
        for field, values in (("ratio", "ratios"), ("resolution", "resolutions")):
            if field in hints:
                offered = [value for value in literals(hints[field]) if value == value.lower()]
                assert limits.get(values, []) == offered
    assert seen == {name for name, row in catalog().models.items() if route in row.limits}


def test_the_catalogs_voices_are_the_vendors() -> None:
    module = importlib.import_module("runwayml.types.text_to_speech_create_params")
    hints = get_type_hints(module.ElevenV3Voice, include_extras=True)
    assert literals(hints["preset_id"]) == catalog().extra["voices"]
    assert service("speech").plan(say(), SPEECH).body["voice"]["presetId"] in literals(hints["preset_id"])
