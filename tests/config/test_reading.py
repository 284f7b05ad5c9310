"""Configuration files: three shapes, variables, and mistakes that are told with their place."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doubles import IMAGE, KEY, SPEECH, TEXT, client
from viralai_sdk import AIConfiguration, AIProvider, AIServiceConfig, AIServiceType
from viralai_sdk.config.documents import MAX_FILE
from viralai_sdk.config.reading import expand, user_folder
from viralai_sdk.interfaces.errors import ConfigurationError

SHAPES: list[dict[str, Any]] = [
    {
        "providers": {"openai": {"api_key": KEY}},
        "ai_services": {"image_generation": {"default_provider": "openai", "fallback_chain": ["openai", "embedded"]}},
    },
    {
        "providers": {"OpenAI": {"api_key": KEY}},
        "ai_config": {"providers": {"image": {"default": "OpenAI", "fallback": ["openai", "embedded"]}}},
    },
    {
        "default_providers": {"image_generation": "openai"},
        "api_keys": {"openai": KEY},
        "service_configs": {"image_generation_openai": {"model_name": "gpt-image-2.5-flare", "timeout": 9}},
        "ai_services": {"image": {"fallback_chain": ["openai", "embedded"]}},
    },
]


@pytest.mark.parametrize("shape", SHAPES, ids=["canonical", "week 11", "old JSON"])
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_all_three_shapes_say_the_same(shape: dict[str, Any], suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"config{suffix}"
    path.write_text(json.dumps(shape, indent="\t") if suffix == ".json" else yaml.safe_dump(shape))
    config = AIConfiguration.from_file(path)
    assert config.default_provider(IMAGE) == "openai"
    assert config.service(IMAGE).fallback_chain == ["openai", "embedded"]
    assert config.get_service_config("image").secret() == KEY
    assert config.get_service_config(AIServiceType.IMAGE_GENERATION, AIProvider.OPENAI).provider is AIProvider.OPENAI
    ai = client(path, tmp_path)
    assert [route.provider for route in ai.manager.routes(IMAGE)] == ["openai", "embedded"]


def test_the_services_block_wins_over_the_providers_block() -> None:
    config = AIConfiguration.from_dict(
        {
            "max_retries": 5,
            "providers": {"openai": {"timeout": 10, "quality": "low", "base_url": "http://a", "options": {"x": 1}}},
            "ai_services": {
                "image": {
                    "provider_configs": {
                        "openai": {
                            "model": "m",
                            "timeout": 20,
                            "quality": "high",
                            "endpoint": "http://b",
                            "api_key": KEY,
                        }
                    }
                },
                "video": {"provider_configs": {"comfy": {"workflow_path": "w.json", "max_retries": 0}}},
            },
        }
    )
    found = config.merged(IMAGE, "openai")
    assert (found.model_name, found.timeout, found.max_retries, found.base_url) == ("m", 20.0, 5, "http://b")
    assert found.custom_config["quality"] == "high"
    assert found.custom_config["x"] == 1
    assert found.secret() == KEY
    film = config.merged(AIServiceType.VIDEO_GENERATION, "comfy")
    assert (film.custom_config["workflow"], film.max_retries, film.timeout) == ("w.json", 0, 1800.0)
    with pytest.raises(ConfigurationError, match="default_provider"):
        config.get_service_config("text")


def test_old_code_sets_fields_and_is_heard(home: Path) -> None:
    config = AIConfiguration.create_default()
    config.default_providers[AIServiceType.AUDIO_GENERATION] = AIProvider.EMBEDDED
    config.api_keys[AIProvider.OPENAI] = KEY
    config.service_configs["text_generation_openai"] = AIServiceConfig(AIProvider.OPENAI, None, "gpt-6-luna")
    assert config.default_provider(SPEECH) == "embedded"
    assert config.get_service_config("text", "openai").secret() == KEY
    assert client(config, home).runtime.factory.service(TEXT, "openai").config.model_name == "gpt-6-luna"


# --- variables


def test_variables_expand_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HERE", "value")
    monkeypatch.setenv("SECONDS", "7")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("GONE", raising=False)
    assert expand("a ${HERE} b ${GONE:-default} ${EMPTY:-x}", "w") == "a value b default x"
    config = AIConfiguration.from_dict(
        {
            "providers": {
                "openai": {
                    "api_key": "${GONE}",
                    "base_url": "http://${HERE}",
                    "timeout": "${SECONDS}",
                    "deep": {"list": ["${HERE}", {"x": "${GONE:-y}"}]},
                }
            },
            "catalog": "${HERE}.yaml",
        }
    )
    settings_ = config.providers["openai"]
    assert (settings_.api_key, settings_.base_url, settings_.timeout) == (None, "http://value", 7.0)
    assert settings_.options["deep"] == {"list": ["value", {"x": "y"}]}
    assert str(config.catalog) == "value.yaml"
    with pytest.raises(ConfigurationError, match=r"providers\.openai\.base_url.*GONE"):
        AIConfiguration.from_dict({"providers": {"openai": {"base_url": "${GONE}"}}})
    with pytest.raises(ConfigurationError, match="GONE"):
        AIConfiguration.from_dict({"providers": {"openai": {"timeout": "${GONE}"}}})


def test_files_are_looked_for_in_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def put(path: Path, seconds: int) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"providers: {{openai: {{timeout: {seconds}}}}}")
        return path

    def found() -> Any:
        return AIConfiguration.discover().provider("openai").timeout

    assert found() is None
    put(user_folder() / "viralai.yaml", 4)
    assert found() == 4
    put(home / "config" / "ai_config.yaml", 3)
    assert found() == 3
    put(home / "viralai.yaml", 2)
    assert found() == 2
    monkeypatch.setenv("VIRALAI_CONFIG", str(put(home / "named.yaml", 1)))
    assert found() == 1
    assert client({"providers": {"openai": {"timeout": 9}}}, home).config.provider("openai").timeout == 9
    monkeypatch.setenv("VIRALAI_CONFIG", str(home / "missing.yaml"))
    with pytest.raises(ConfigurationError, match=r"missing\.yaml"):
        AIConfiguration.discover()
    with pytest.raises(ConfigurationError, match="int"):
        client(5, home)


@pytest.mark.parametrize(
    ("platform", "part"), [("win32", "viralai"), ("darwin", "Application Support"), ("linux", "viralai")]
)
def test_every_platform_has_its_folder(platform: str, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viralai_sdk.config.reading.sys.platform", platform)
    assert part in str(user_folder())


def test_a_user_without_a_home_still_has_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(Path, "home", staticmethod(homeless))
    assert AIConfiguration.discover().source == "defaults"


# --- mistakes

WRONG: list[tuple[Any, str]] = [
    ({"provider": {}}, "Did you mean 'providers'"),
    ({"x" * 10_000: 1}, "unknown key"),
    ({"ai_services": {"imge_generation": {}}}, "image_generation"),
    ({"ai_services": {"image": {"fallback": []}}}, "fallback_chain"),
    ({"ai_services": {"image": {"fallback_chain": "openai"}}}, "list"),
    ({"ai_services": {"image": {"default_provider": 5}}}, "text"),
    ({"ai_services": {"image": {"provider_configs": {"openai": {"modle": "x"}}}}}, "model"),
    ({"ai_services": {"image": {"provider_configs": {"openai": {"timeout": "abc"}}}}}, "timeout"),
    ({"ai_services": {"image": {"provider_configs": {"openai": {"max_retries": -1}}}}}, "max_retries"),
    ({"ai_services": {"image": {"provider_configs": {"openai": {"model": ["x"]}}}}}, "model"),
    ({"providers": {"openai": {"api_kye": "x"}}}, "api_key"),
    ({"providers": {"openai": {"api_key": 5}}}, "environment"),
    ({"providers": {"openai": {"base_url": 5}}}, "base_url"),
    ({"providers": {"openai": {"max_concurrency": 0}}}, "above 0"),
    ({"providers": {"openai": {"timeout": float("inf")}}}, "finite"),
    ({"providers": {"openai": {"timeout": float("nan")}}}, "above 0"),
    ({"providers": {"openai": {"timeout": True}}}, "number"),
    ({"providers": {"openai": {"local": "yes"}}}, "true or false"),
    ({"providers": ["openai"]}, "mapping"),
    ({"budget": {"session_usd": -1}}, "0 or more"),
    ({"budget": {"session": 1}}, "session_usd"),
    ({"budget": {"call_usd": 10**400}}, "number"),
    ({"enable_caching": "yes"}, "true or false"),
    ({"enable_caching": None}, "true or false"),
    ({"max_retries": 1000}, "0 to 100"),
    ({"ai_config": {"services": {}}}, "providers"),
    ({"service_configs": {"text_generation_openai": {"timeout": "x"}}}, "timeout"),
    ({"service_configs": {"text_generation_openai": {"custom_config": 5}}}, "custom_config"),
    ([1, 2], "mapping"),
    ("text", "mapping"),
]


@pytest.mark.parametrize(("data", "told"), WRONG, ids=lambda value: str(value)[:50])
def test_a_mistake_is_told_with_its_place_and_the_nearest_right_one(data: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        AIConfiguration.from_dict(data)
    assert len(str(caught.value)) < 500


FILES: list[tuple[bytes, str]] = [
    (b"providers:\n  openai: {api_key: 'x'\n", "line"),
    (b"a: 1\n\tb: 2\n", "line 2"),
    (b"providers: {}\nproviders: {}\n", "stands twice"),
    (b"\xff\xfe\x00\x01", "UTF-8"),
    (b"a: \x00", "not valid YAML"),
    (b"a: 2026-13-45", "cannot be read"),
    (b"[" * 5000, "file"),
    (b"x: " + b"y" * MAX_FILE, rf"file.yaml is larger than {MAX_FILE} bytes; that is no configuration\.$"),
    (b"providers: &a\n  x: *a\n", "nested"),
    (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"\n".join(b"%c: &%c [%s]" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(8)),
        "nested",
    ),
    (b"? [a]\n: 1\n", "unknown key|not valid|hash"),
    (b"!!python/object:os.system {}", "not valid YAML"),
]


@pytest.mark.parametrize(("content", "told"), FILES, ids=lambda value: str(value)[:30])
def test_a_broken_file_is_told_with_its_line(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=told) as caught:
        AIConfiguration.from_file(path)
    assert len(str(caught.value)) < 500


def test_json_is_read_as_json_and_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    for content, told in (('{\n"a": }', "line 2"), ('{"providers": {}, "providers": {}}', "twice")):
        path.write_text(content)
        with pytest.raises(ConfigurationError, match=told):
            AIConfiguration.from_file(path)
    for empty in ("", "{}"):
        path.write_text(empty)
        assert AIConfiguration.from_file(path).providers == {}


def test_places_that_are_no_files(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing.yaml", Path("a\0b")):
        with pytest.raises(ConfigurationError):
            AIConfiguration.from_file(place)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
known = st.sampled_from(
    [
        "providers",
        "ai_services",
        "ai_config",
        "budget",
        "image",
        "openai",
        "api_key",
        "timeout",
        "default_provider",
        "fallback_chain",
        "provider_configs",
        "service_configs",
        "api_keys",
        "default_providers",
        "session_usd",
        "catalog",
    ]
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(known | st.text(max_size=5), inner, max_size=4)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(values)
def test_any_value_is_a_configuration_or_a_configuration_error(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "any.yaml"
    path.write_text(yaml.safe_dump(value, allow_unicode=True), "utf-8")
    for read in (lambda: AIConfiguration.from_dict(value), lambda: AIConfiguration.from_file(path)):
        try:
            config = read()
        except ConfigurationError:
            continue
        assert isinstance(config, AIConfiguration)
        config.merged(IMAGE, "openai")


# --- keys


def test_keys_never_show_and_are_not_pickled_but_copies_keep_them() -> None:
    config = AIConfiguration.from_dict({**SHAPES[0], **SHAPES[2]})
    config.service(IMAGE).provider_configs["openai"] = {"api_key": config.providers["openai"].api_key, "more": [1]}
    config.api_keys["openai"] = KEY
    one = AIServiceConfig("openai", KEY, custom_config={"api_key": KEY})
    one.api_key = KEY
    for thing in (config, config.providers["openai"]):
        assert KEY not in repr(thing)
        assert KEY.encode() not in pickle.dumps(thing)
    assert KEY.encode() not in pickle.dumps(one)
    again = pickle.loads(pickle.dumps(config))
    assert again.service(IMAGE).fallback_chain == ["openai", "embedded"]
    assert again.key_for("openai") is None
    for copied in (copy.copy(config), copy.deepcopy(config)):
        assert copied.get_service_config("image").secret() == KEY
