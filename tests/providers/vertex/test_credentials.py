"""Signing in: files, tokens, keys and the machine's own credentials; what is fetched, how often, and what never shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.providers.gemini.support import TEXT, Google
from viralai_sdk import ViralAI
from viralai_sdk.interfaces.errors import AuthenticationError, ConfigurationError, ProviderUnavailableError
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Compute
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.google_common import credentials as module
from viralai_sdk.providers.google_common.credentials import Credentials, SignedIn, default_source, file_source
from viralai_sdk.providers.vertex import VertexTextService
from viralai_sdk.simulator import Simulator

Write = Callable[..., Path]


@pytest.fixture(scope="session")
def private_key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture
def write(sim: Simulator, tmp_path: Path, private_key: str) -> Write:
    """Writes a service account's file that sends its requests for tokens to the simulator."""

    def file(name: str = "robot", **fields: Any) -> Path:
        path = tmp_path / f"{name}.json"
        account = {
            "type": "service_account",
            "project_id": "p-of-the-file",
            "private_key_id": "1",
            "private_key": private_key,
            "client_email": f"{name}@p-of-the-file.iam.gserviceaccount.com",
            "token_uri": sim.url("vertex") + "/token",
        }
        path.write_text(json.dumps({**account, **fields}))
        return path

    return file


def fetches(sim: Simulator) -> int:
    return sum(entry.path == "/token" for entry in sim.log)


async def test_a_service_account_signs_in_and_tells_its_project(sim: Simulator, vertex: Google, write: Write) -> None:
    driver = vertex(VertexTextService, access_token=None, project=None, credentials=str(write()))
    answer = await driver.call(TextGenerationRequest("hello"), TEXT)
    assert answer.text == "simulated answer to: hello"
    asked = sim.log[-1]
    assert asked.path.startswith("/v1beta1/projects/p-of-the-file/locations/us-central1/")
    assert asked.headers["authorization"].startswith("Bearer ya29.")
    await driver.call(TextGenerationRequest("again"), TEXT)
    assert fetches(sim) == 1


async def test_a_configured_project_wins(sim: Simulator, vertex: Google, write: Write) -> None:
    driver = vertex(VertexTextService, access_token=None, credentials=str(write()))
    await driver.call(TextGenerationRequest("hello"), TEXT)
    assert "/projects/p/" in sim.log[-1].path


async def test_all_services_share_a_token(sim: Simulator, tmp_path: Path, write: Write) -> None:
    providers = {"vertex": {"base_url": sim.url("vertex"), "credentials": str(write()), "location": "eu"}}
    ai = ViralAI({"providers": providers}, home=tmp_path, progress=False)
    pieces = [chunk.text async for chunk in ai.text.stream("hello", provider="vertex")]
    assert "".join(pieces) == "simulated answer to: hello"
    await ai.speech("hello", provider="vertex")
    await ai.image("a fox", provider="vertex", num_images=3)
    assert fetches(sim) == 1
    kept = (tmp_path / ".viralai" / "journal.db").read_bytes()
    assert b"ya29." not in kept
    assert b"PRIVATE KEY" not in kept


async def test_a_token_at_its_end_is_fetched_anew(sim: Simulator, vertex: Google, write: Write) -> None:
    path = write()
    driver = vertex(VertexTextService, access_token=None, credentials=str(path))
    await driver.call(TextGenerationRequest("hello"), TEXT)
    source = file_source(path)
    assert isinstance(source, module.GoogleAuthSource)
    source._credentials.expiry = source._credentials.expiry.replace(year=2020)
    sim.clock.push(4000)
    await driver.call(TextGenerationRequest("hello"), TEXT)
    assert fetches(sim) == 2


async def test_many_threads_fetch_one_token(sim: Simulator, write: Write) -> None:
    source = file_source(write())
    with ThreadPoolExecutor(8) as pool:
        signed = list(pool.map(lambda _: source.fetch(), range(16)))
    assert len({entry.headers["Authorization"] for entry in signed}) == 1
    assert fetches(sim) == 1


async def test_a_changed_file_is_read_again(write: Write) -> None:
    path = write()
    before = file_source(path)
    assert file_source(path) is before
    assert file_source(write(project_id="another-project")) is not before


async def test_default_credentials_of_the_machine(
    sim: Simulator, vertex: Google, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    module._shared.cache_clear()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write()))
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    driver = vertex(VertexTextService, access_token=None, project=None)
    await driver.call(TextGenerationRequest("hello"), TEXT)
    assert "/projects/p-of-the-file/" in sim.log[-1].path
    module._shared.cache_clear()


def test_no_default_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module._shared.cache_clear()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(ConfigurationError, match="no Google credentials"):
        default_source().fetch()
    module._shared.cache_clear()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.json.*cannot be read"):
        file_source(tmp_path / "missing.json")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text('{"type": "poem"}')
    with pytest.raises(ConfigurationError, match="no Google credentials"):
        file_source(path).fetch()


def test_a_refused_account(sim: Simulator, write: Write) -> None:
    with pytest.raises(AuthenticationError, match="account not found") as caught:
        file_source(write("gone")).fetch()
    assert "PRIVATE" not in str(caught.value)


def test_a_token_server_that_is_out_of_reach(write: Write) -> None:
    with pytest.raises(ProviderUnavailableError, match="cannot be reached") as caught:
        file_source(write("far", token_uri="http://127.0.0.1:9/token")).fetch()
    assert caught.value.billed == "no"


def test_a_token_server_without_a_token(sim: Simulator, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    sim.faults.add("vertex", status=503, path="/token")
    with pytest.raises((AuthenticationError, ProviderUnavailableError)) as caught:
        file_source(write("busy")).fetch()
    assert caught.value.billed == "no"


def test_the_package_may_be_missing(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "google.auth", None)
    with pytest.raises(ConfigurationError, match=r"viralai-sdk\[google\]"):
        file_source(write("other")).fetch()


def config(**custom: Any) -> AIServiceConfig:
    return AIServiceConfig(provider="vertex", custom_config=custom)


def test_the_most_particular_setting_counts(write: Write) -> None:
    full = config(access_token="token", credentials=str(write()))
    full.api_key = AIServiceConfig(provider="vertex", api_key="key").api_key
    assert Credentials(full).sign_in_now().headers == {"Authorization": "Bearer token"}
    keyed = AIServiceConfig(provider="vertex", api_key="key")
    assert Credentials(keyed).sign_in_now().headers == {"x-goog-api-key": "key"}
    assert Credentials(keyed).by_key
    with pytest.raises(ConfigurationError, match="no key"):
        Credentials(config(), default=False)


def test_a_source_of_ones_own() -> None:
    class Own:
        def current(self) -> SignedIn | None:
            return None

        def fetch(self) -> SignedIn:
            return SignedIn({"Authorization": "Bearer own"}, "mine")

    steps = Credentials(config(credentials=Own(), quota_project="payer")).sign_in()
    step = next(steps)
    assert isinstance(step, Compute)
    with pytest.raises(StopIteration) as done:
        steps.send(step.function(report=None, workspace=None))
    assert done.value.value.headers == {"Authorization": "Bearer own", "x-goog-user-project": "payer"}
    assert done.value.value.project == "mine"


def test_tokens_do_not_show() -> None:
    settings = config(access_token="very-secret", project="p")
    service = VertexTextService(settings)
    signed = service.credentials.sign_in_now()
    assert "very-secret" in signed.headers["Authorization"]
    for shown in (repr(settings), repr(signed), repr(service.credentials), str(settings.custom_config)):
        assert "very-secret" not in shown


def test_a_token_without_a_project_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="no Google Cloud project"):
        VertexTextService(config(access_token="token")).validate_config()


@pytest.mark.parametrize(
    ("location", "address"),
    [
        (None, "https://aiplatform.googleapis.com/"),
        ("global", "https://aiplatform.googleapis.com/"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com/"),
        ("us-central1", "https://us-central1-aiplatform.googleapis.com/"),
    ],
)
def test_the_address_follows_from_the_location(location: str | None, address: str) -> None:
    service = VertexTextService(config(location=location, access_token="token", project="p"))
    assert service.config.base_url == address


@pytest.mark.parametrize("location", ["evil.example/", "US", "a b", "x" * 60])
def test_a_location_cannot_change_the_host(location: str) -> None:
    with pytest.raises(ConfigurationError, match="is no location"):
        VertexTextService(config(location=location))
