"""One setting of a configuration file is changed, and everything else stays as somebody wrote it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import IMAGE, TEXT
from viralai_sdk import AIConfiguration
from viralai_sdk.config.editing import with_default_provider
from viralai_sdk.interfaces.errors import ConfigurationError

COMMENTED = """\
# who makes what
providers:
  openai: {api_key: "${OPENAI_API_KEY}"}   # from the environment
ai_services:
  image_generation:   # pictures
    fallback_chain: [openai, embedded]
    default_provider: openai  # for now
  text:
    default_provider: "openai:gpt-6"
"""


def switched(text: str, spec: str = "comfyui") -> str:
    changed = with_default_provider(text, IMAGE, spec)
    assert AIConfiguration.from_dict(yaml.safe_load(changed)).default_provider(IMAGE) == spec
    return changed


def test_only_the_value_changes() -> None:
    assert switched(COMMENTED) == COMMENTED.replace("default_provider: openai ", "default_provider: comfyui ")
    with_model = switched(COMMENTED, "openai:gpt-image-3")
    assert with_model == COMMENTED.replace("_provider: openai ", '_provider: "openai:gpt-image-3" ')
    text = with_default_provider(COMMENTED, TEXT, "gemini")
    assert text == COMMENTED.replace('"openai:gpt-6"', "gemini")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "ai_services:\n  image_generation:\n    default_provider: comfyui\n"),
        ("# mine", "# mine\nai_services:\n  image_generation:\n    default_provider: comfyui\n"),
        ("ai_services:\n", "ai_services: {image_generation: {default_provider: comfyui}}\n"),
        ("ai_services: null\n", "ai_services: {image_generation: {default_provider: comfyui}}\n"),
        ("ai_services: {}\n", "ai_services: {image_generation: {default_provider: comfyui}}\n"),
        (
            "ai_services: {text: {default_provider: openai}}",
            "ai_services: {image_generation: {default_provider: comfyui}, text: {default_provider: openai}}",
        ),
        (
            "ai_services:\n  image:\n    fallback_chain: [openai]\n",
            "ai_services:\n  image:\n    default_provider: comfyui\n    fallback_chain: [openai]\n",
        ),
        (
            "ai_services:\r\n  text:\r\n    default_provider: openai\r\n",
            "ai_services:\r\n  image_generation: {default_provider: comfyui}\n  text:\r\n    default_provider: openai\r\n",
        ),
        ("default_providers:\n  image_generation: openai\n", "default_providers:\n  image_generation: comfyui\n"),
        (
            "ai_config:\n  providers:\n    image: {default: openai, fallback: [gemini]}\n",
            "ai_config:\n  providers:\n    image: {default: comfyui, fallback: [gemini]}\n",
        ),
    ],
)
def test_it_is_written_where_it_belongs(before: str, after: str) -> None:
    assert switched(before) == after


def test_what_stands_in_two_places_is_left_to_a_person() -> None:
    text = "ai_services:\n  image: &same {default_provider: openai}\n  text: *same\n"
    with pytest.raises(ConfigurationError, match="more than the one setting") as caught:
        with_default_provider(text, TEXT, "comfyui:a model")
    assert "default_provider to 'comfyui:a model' by hand" in (caught.value.hint or "")


@pytest.mark.parametrize("indent", [None, 4, "\t"])
def test_json_keeps_its_shape(indent: Any) -> None:
    data = {"default_providers": {"image_generation": "openai"}, "max_retries": 3, "api_keys": {"openai": "ü"}}
    changed = with_default_provider(json.dumps(data, indent=indent), IMAGE, "comfyui:a.json", as_json=True)
    data["default_providers"] = {"image_generation": "comfyui:a.json"}
    assert changed == json.dumps(data, indent=indent or 2, ensure_ascii=False) + "\n"
    assert json.loads(with_default_provider("", IMAGE, "gemini", as_json=True)) == {
        "ai_services": {"image_generation": {"default_provider": "gemini"}}
    }


SPECS = st.from_regex(r"[a-z][a-z0-9_]{0,8}(:[ -~]{1,12})?", fullmatch=True).filter(lambda spec: spec == spec.strip())
SERVICES = st.dictionaries(
    st.sampled_from(["text", "image_generation", "speech"]),
    st.fixed_dictionaries({}, optional={"default_provider": SPECS, "fallback_chain": st.lists(SPECS, max_size=2)}),
)


@given(services=SERVICES, spec=SPECS, flow=st.sampled_from([None, True, False]), indent=st.integers(2, 6))
def test_any_file_says_the_same_but_for_the_one_setting(
    services: dict[str, Any], spec: str, flow: bool | None, indent: int
) -> None:
    data = {"max_retries": 1, "ai_services": services, "budget": {"call_usd": 1.0}}
    changed = with_default_provider(yaml.safe_dump(data, default_flow_style=flow, indent=indent), IMAGE, spec)
    wanted = copy.deepcopy(data)
    wanted["ai_services"].setdefault("image_generation", {})["default_provider"] = spec  # type: ignore[index, attr-defined]
    assert yaml.safe_load(changed) == wanted
