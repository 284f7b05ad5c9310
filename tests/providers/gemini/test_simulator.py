"""The simulated Gemini API and Vertex refuse what the vendor refuses."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.providers.gemini.support import EDITOR, IMAGE, IMAGEN, OMNI, SPEECH, TEXT, VEO
from viralai_sdk.simulator import Simulator

HI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
PLACE = "/v1beta1/projects/p/locations/l"
MODELS = f"{PLACE}/publishers/google/models"


def post(sim: Simulator, vendor: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
    """Status and message of a signed request."""
    signed = {"x-goog-api-key": sim.key} if vendor == "gemini" else {"authorization": f"Bearer {sim.key}"}
    answer = httpx2.request(
        more.pop("method", "POST"), sim.url(vendor) + path, json=body, headers=more.pop("headers", signed), **more
    )
    data = answer.json()
    return answer.status_code, data.get("error", {}).get("message", "")


def generation(**config: Any) -> dict[str, Any]:
    return {**HI, "generationConfig": config}


@pytest.mark.parametrize(
    ("model", "body", "message"),
    [
        (TEXT, {}, "contents is not specified"),
        (TEXT, {**HI, "sparkle": 1}, "sparkle"),
        (TEXT, {**HI, "modelArmorConfig": {}}, "modelArmorConfig"),
        (TEXT, generation(temperature=3), "temperature"),
        (TEXT, generation(temperature="hot"), "temperature"),
        (TEXT, generation(stopSequences=list("abcdef")), "at most 5"),
        (TEXT, generation(responseJsonSchema={}), "response_mime_type"),
        (TEXT, generation(responseJsonSchema={}, responseSchema={}), "Only one"),
        (TEXT, {"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "valid role"),
        (TEXT, {"contents": [{"role": "user", "parts": []}]}, "parts"),
        (
            TEXT,
            {"contents": [{"role": "user", "parts": [{"inlineData": {"data": "x", "mimeType": "text/x"}}]}]},
            "MIME",
        ),
        (
            TEXT,
            {"contents": [{"role": "user", "parts": [{"inlineData": {"data": "x", "mimeType": "image/png"}}]}]},
            "input image",
        ),
        (TEXT, {**HI, "safetySettings": [{"threshold": "SOME"}]}, "threshold"),
        (TEXT, {**HI, "generationConfig": 5}, "object"),
        (IMAGE, generation(imageConfig={"aspectRatio": "5:4"}), "aspectRatio"),
        (IMAGE, generation(imageConfig={"personGeneration": "ALLOW_ALL"}), "personGeneration"),
        (SPEECH, HI, "audio output"),
        (
            SPEECH,
            generation(responseModalities=["AUDIO"], speechConfig={"voiceConfig": {"voice": "Nobody"}}),
            "not supported",
        ),
        (
            SPEECH,
            generation(responseModalities=["AUDIO"], speechConfig={"multiSpeakerVoiceConfig": {}}),
            "must equal 2",
        ),
        (
            SPEECH,
            generation(responseModalities=["AUDIO"], speechConfig={"multiSpeakerVoiceConfig": {}, "voiceConfig": {}}),
            "mutually exclusive",
        ),
        (OMNI, HI, "Interactions"),
        ("no-such-model", HI, "not found"),
    ],
)
def test_wrong_bodies_of_generate_content(sim: Simulator, model: str, body: Any, message: str) -> None:
    status, said = post(sim, "gemini", f"/v1/models/{model}:generateContent", body)
    assert status in (400, 404)
    assert message in said


def film(**form: Any) -> dict[str, Any]:
    return {"model": OMNI, "input": "hi", "background": True, "response_format": {"type": "video", **form}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({**film(), "background": False}, "background"),
        ({**film(), "model": TEXT}, "film models"),
        ({**film(), "input": ""}, "input is required"),
        ({**film(), "input": ["x"]}, "list of steps"),
        ({**film(), "input": [{"type": "user_input", "content": [{"type": "audio"}]}]}, "unsupported content"),
        ({**film(), "generation_config": {"video_config": {"task": "sing"}}}, "task"),
        ({**film(), "generation_config": {"video_config": {"task": "image_to_video"}}}, "needs an image"),
        (film(duration="long"), "duration"),
        (film(aspect_ratio="1:1"), "aspect_ratio"),
        ({**film(), "response_format": {"type": "image"}}, "not what this model makes"),
        (film(sparkle=1), "sparkle"),
    ],
)
def test_wrong_interactions(sim: Simulator, body: Any, message: str) -> None:
    status, said = post(sim, "gemini", "/v1/interactions", body)
    assert status == 400
    assert message in said


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/v1/interactions/none", "GET", 404),
        ("/v1/interactions/none?stream=true", "GET", 400),
        ("/v1/files/none:download?alt=media", "GET", 404),
        ("/v9/models", "GET", 404),
        ("/v1/models?pageSize=x", "GET", 400),
        ("/v1/nothing/at/all", "GET", 404),
        (f"/v1/models/{VEO}:predictLongRunning", "POST", 404),
        (f"/v1/models/{TEXT}:streamGenerateContent", "POST", 400),
    ],
)
def test_wrong_addresses(sim: Simulator, path: str, method: str, status: int) -> None:
    assert post(sim, "gemini", path, {} if method == "POST" else None, method=method)[0] == status


def test_keys_and_content_types(sim: Simulator) -> None:
    path = f"/v1/models/{TEXT}:generateContent"
    assert post(sim, "gemini", path, HI, headers={})[0] == 403
    assert post(sim, "gemini", path, HI, headers={"x-goog-api-key": "other"})[0] == 400
    plain = {"x-goog-api-key": sim.key, "content-type": "text/plain"}
    assert "content type" in post(sim, "gemini", path, HI, headers=plain)[1]
    for content in (b"{", b"[]"):
        headers = {"x-goog-api-key": sim.key, "content-type": "application/json"}
        assert httpx2.post(sim.url("gemini") + path, content=content, headers=headers).status_code == 400
    assert post(sim, "vertex", f"{MODELS}/{TEXT}:generateContent", HI, headers={"x-goog-api-key": sim.key})[0] == 401
    assert post(sim, "vertex", f"{MODELS}/{TEXT}:generateContent", HI, headers={"authorization": "Bearer x"})[0] == 401


def test_a_film_over_cannot_be_cancelled(sim: Simulator) -> None:
    headers = {"x-goog-api-key": sim.key}
    made = httpx2.post(sim.url("gemini") + "/v1/interactions", json=film(), headers=headers).json()
    sim.clock.push(5)
    look = sim.url("gemini") + f"/v1/interactions/{made['id']}"
    assert httpx2.get(look, headers=headers).json()["status"] == "in_progress"
    sim.clock.push(60)
    assert post(sim, "gemini", f"/v1/interactions/{made['id']}/cancel")[0] == 400


def imagen(**parameters: Any) -> dict[str, Any]:
    return {"instances": [{"prompt": "hi"}], "parameters": parameters}


@pytest.mark.parametrize(
    ("call", "body", "message"),
    [
        (f"{IMAGEN}:predict", {}, "one instance"),
        (f"{IMAGEN}:predict", {"instances": [{"prompt": ""}]}, "prompt is missing"),
        (f"{IMAGEN}:predict", imagen(sampleCount=5), "sampleCount"),
        (f"{IMAGEN}:predict", imagen(seed=4), "watermark"),
        (f"{IMAGEN}:predict", {"instances": [{"prompt": "hi", "referenceImages": [{}]}]}, "does not support reference"),
        (f"{EDITOR}:predict", imagen(), "required"),
        (
            f"{EDITOR}:predict",
            {"instances": [{"prompt": "hi", "referenceImages": [{"referenceType": "X"}]}]},
            "Unsupported reference",
        ),
        (f"{IMAGE}:predict", imagen(), "does not support predict"),
        (f"{OMNI}:predictLongRunning", imagen(), "does not support"),
        (f"{VEO}:predictLongRunning", imagen(durationSeconds=5), "duration"),
        (f"{VEO}:predictLongRunning", imagen(resolution="4k"), "resolution"),
        (f"{VEO}:predictLongRunning", {"instances": [{"prompt": "hi", "image": {"gcsUri": "gs://x"}}]}, "no storage"),
        (
            f"{VEO}:predictLongRunning",
            {
                "instances": [
                    {"prompt": "hi", "referenceImages": [{"referenceType": "STYLE"}, {"referenceType": "ASSET"}]}
                ]
            },
            "up to 3 ASSET",
        ),
        (f"{VEO}:fetchPredictOperation", {"operationName": "x"}, "does not belong"),
        (f"{VEO}:sing", {}, "is not found"),
    ],
)
def test_wrong_bodies_on_vertex(sim: Simulator, call: str, body: Any, message: str) -> None:
    status, said = post(sim, "vertex", f"{MODELS}/{call}", body)
    assert status in (400, 404)
    assert message in said


def test_lists_and_films_on_vertex(sim: Simulator) -> None:
    headers = {"authorization": f"Bearer {sim.key}"}
    listed = httpx2.get(sim.url("vertex") + "/v1beta1/publishers/google/models", headers=headers).json()
    assert {"name": f"publishers/google/models/{VEO}", "versionId": "001"} in listed["publisherModels"]
    assert "gcs_uri" in post(sim, "vertex", f"{PLACE}/interactions", film(delivery="uri"))[1]
    stored = film(delivery="uri", gcs_uri="gs://bucket/", duration="1s")
    made = httpx2.post(sim.url("vertex") + f"{PLACE}/interactions", json=stored, headers=headers).json()
    sim.clock.push(60)
    over = httpx2.get(sim.url("vertex") + f"{PLACE}/interactions/{made['id']}", headers=headers).json()
    assert over["steps"][0]["content"][0]["uri"] == f"gs://bucket/{made['id']}.mp4"
    assert post(sim, "vertex", "/v1/nothing", method="GET")[0] == 404


@pytest.mark.parametrize("form", [{}, {"grant_type": "password"}, {"assertion": "a.b.c"}, {"assertion": "x"}])
def test_tokens_are_given_for_good_statements_only(sim: Simulator, form: dict[str, str]) -> None:
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    answer = httpx2.post(sim.url("vertex") + "/token", data={**grant, **form})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
