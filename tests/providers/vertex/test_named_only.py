"""Google Cloud needs no key of ours, so it is offered only where somebody names it; and it is no server at home for that."""

from __future__ import annotations

from pathlib import Path

import pytest

from viralai_sdk import ViralAI
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.providers import registry

SPEECH = AIServiceType.SPEECH_SYNTHESIS


@pytest.mark.parametrize("name", ["vertex", "google_tts"])
def test_it_is_configured_only_where_it_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = registry.spec_of(name)
    if spec.base_url_env:
        monkeypatch.delenv(spec.base_url_env, raising=False)
    silent = ViralAI({}, home=tmp_path, progress=False).runtime
    assert not silent.factory.configured(SPEECH, name)
    named = ViralAI({"providers": {name: {"max_concurrency": 2}}}, home=tmp_path, progress=False).runtime
    assert named.factory.configured(SPEECH, name)
    chained = {"speech_synthesis": {"default_provider": name}}
    assert ViralAI({"ai_services": chained}, home=tmp_path, progress=False).runtime.factory.configured(SPEECH, name)


@pytest.mark.parametrize("name", ["vertex", "google_tts"])
def test_private_addresses_are_not_what_is_wanted_of_it(name: str, tmp_path: Path) -> None:
    runtime = ViralAI({"providers": {name: {"max_concurrency": 2}}}, home=tmp_path, progress=False).runtime
    assert not runtime.is_local(runtime.factory.config_for(SPEECH, registry.spec_of(name)))
