"""`viralai providers switch`: the next client is served by somebody else."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Viralai
from viralai_sdk import ViralAI

FILE = "# ours\nproviders:\n  openai: {api_key: sk-test-0123456789abcdef}\nai_services:\n  image: {default_provider: openai}\n"


def test_the_next_client_is_served_by_another(viralai: Viralai) -> None:
    file = viralai.place / "viralai.yaml"
    file.write_text(FILE)
    file.chmod(0o600)
    done = viralai("providers", "switch", "image", "embedded")
    assert (done.code, done.out) == (0, "image: openai -> embedded, written to viralai.yaml\n")
    assert file.read_text() == FILE.replace("default_provider: openai", "default_provider: embedded")
    assert file.stat().st_mode & 0o777 == 0o600
    assert ViralAI(home=viralai.place).manager.default_route(ViralAI().image.service).provider == "embedded"
    told = viralai("providers", "switch", "image", "openai:gpt-image-2.6-flare", "--json").document
    assert (told["before"], told["after"], told["configured"]) == ("embedded", "openai:gpt-image-2.6-flare", True)


def test_without_a_file_one_is_begun_and_what_is_missing_is_said(viralai: Viralai) -> None:
    done = viralai("providers", "switch", "speech", "ElevenLabs")
    assert done.code == 0
    assert "ELEVENLABS_API_KEY" in done.err
    begun = (viralai.place / "viralai.yaml").read_text()
    assert begun == "ai_services:\n  speech_synthesis:\n    default_provider: elevenlabs\n"


def test_a_link_stays_a_link(viralai: Viralai) -> None:
    real = viralai.place / "real.yaml"
    real.write_text(FILE)
    link = viralai.place / "viralai.yaml"
    link.symlink_to(real)
    assert viralai("providers", "switch", "image", "embedded").code == 0
    assert link.is_symlink()
    assert "embedded" in real.read_text()


@pytest.mark.parametrize(
    ("service", "provider", "says"),
    [("smell", "openai", "smell"), ("image", "opnai", "openai"), ("image", "elevenlabs", "image")],
)
def test_a_wrong_name_changes_nothing(viralai: Viralai, service: str, provider: str, says: str) -> None:
    file = viralai.place / "viralai.yaml"
    file.write_text(FILE)
    done = viralai("providers", "switch", service, provider)
    assert done.code in (1, 2)
    assert says in done.err
    assert file.read_text() == FILE
