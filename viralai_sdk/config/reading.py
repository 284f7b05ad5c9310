"""Reads configuration files. Three shapes are accepted, and a misspelt key is an error that names the nearest right one.

- the canonical one: `providers`, `ai_services`, `budget`;
- `ai_config.providers.<video|image|…>.{default, fallback}`;
- the old JSON: `default_providers`, `api_keys`, `service_configs`.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from viralai_sdk.config.configuration import AIConfiguration, Budget, ProviderSettings, ServiceSettings, member
from viralai_sdk.config.documents import check_size, read_document
from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import provider_name, service_type, shorten, suggest
from viralai_sdk.interfaces.service import AIServiceConfig

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_FLAGS = ("enable_fallbacks", "enable_caching", "enable_cost_tracking", "max_retries")
_TOP = (
    "providers",
    "ai_services",
    "ai_config",
    "budget",
    "catalog",
    "transport",
    "default_providers",
    "api_keys",
    "service_configs",
    *_FLAGS,
)
_SECRETS = ("api_key", "access_token")
"""Settings that are wrapped at once, so that they never show."""
_PROVIDER = ("api_key", "base_url", "max_concurrency", "timeout", "max_retries", "local", "options")
_SERVICE = ("default_provider", "fallback_chain", "provider_configs")
_PAIR = (
    "model",
    "api_key",
    "base_url",
    "endpoint",
    "timeout",
    "max_retries",
    "workflow",
    "workflow_path",
    "voice_id",
    "quality",
)
_OTHER_NAMES = {"workflow_path": "workflow", "endpoint": "base_url", "model_name": "model"}


def candidates() -> list[Path]:
    """Files that are looked for when no configuration is given, in order; $VIRALAI_CONFIG comes before them."""
    here = [Path("viralai.yaml"), Path("config/ai_config.yaml")]
    try:
        return [*here, user_folder() / "viralai.yaml"]
    except RuntimeError:  # a user without a home folder, as in many containers
        return here


def user_folder() -> Path:
    """The user's configuration folder by the platform's custom."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home())) / "viralai"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "viralai"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "viralai"


def discover() -> AIConfiguration:
    """Read the first configuration file there is; without one, the defaults."""
    named = os.environ.get("VIRALAI_CONFIG")
    if named:
        return read_file(Path(named).expanduser())
    for path in candidates():
        if path.is_file():
            return read_file(path)
    return AIConfiguration()


def read_file(path: Path) -> AIConfiguration:
    """Read one file; see `AIConfiguration.from_file`."""
    config = read_mapping(read_document(path), path.name)
    if config.catalog is not None and not config.catalog.is_absolute():
        config.catalog = path.parent / config.catalog
    return config


def read_mapping(data: Any, source: str) -> AIConfiguration:
    """Read a mapping; see `AIConfiguration.from_dict`."""
    check_size(data, source)
    top = _mapping(data, source)
    _only(top, _TOP, source)
    config = AIConfiguration(source=source)
    for name, block in _mapping(top.get("providers"), f"{source}: providers").items():
        config.providers[provider_name(str(name))] = _provider(block, f"{source}: providers.{name}")
    for name, block in _mapping(top.get("ai_services"), f"{source}: ai_services").items():
        where = f"{source}: ai_services.{name}"
        config.services[_service_named(name, where)] = _service(block, where)
    _week11(config, top.get("ai_config"), source)
    _old_json(config, top, source)
    config.budget = _budget(top.get("budget"), f"{source}: budget")
    for flag in _FLAGS:
        if flag in top:
            setattr(config, flag, _flag(top[flag], flag, f"{source}: {flag}"))
    if top.get("transport") is not None:
        config.transport = _transport(top["transport"], f"{source}: transport")
    if top.get("catalog"):
        config.catalog = Path(str(expand(top["catalog"], f"{source}: catalog")))
    return config


def _transport(value: Any, where: str) -> Literal["httpx2", "aiohttp"]:
    word = expand(value, where)
    if word == "httpx2" or word == "aiohttp":
        return "httpx2" if word == "httpx2" else "aiohttp"
    raise ConfigurationError(f"{where}: there is no transport {word!r}.", hint="Give httpx2 or aiohttp.")


def _provider(block: Any, where: str) -> ProviderSettings:
    data = _mapping(block, where)
    _not_misspelt(data, _PROVIDER, where)
    options = dict(_mapping(data.get("options"), f"{where}.options"))
    options |= {key: value for key, value in data.items() if key not in _PROVIDER}
    return ProviderSettings(
        api_key=_key(data.get("api_key"), f"{where}.api_key"),
        base_url=_typed(expand(data.get("base_url"), f"{where}.base_url"), str, f"{where}.base_url"),
        max_concurrency=_positive(data.get("max_concurrency"), int, f"{where}.max_concurrency"),
        timeout=_positive(data.get("timeout"), float, f"{where}.timeout"),
        max_retries=_count(data.get("max_retries"), f"{where}.max_retries"),
        local=_typed(data.get("local"), bool, f"{where}.local"),
        options=_expanded(options, where),
    )


def _service(block: Any, where: str) -> ServiceSettings:
    data = _mapping(block, where)
    _only(data, _SERVICE, where)
    configs = {}
    for name, pair in _mapping(data.get("provider_configs"), f"{where}.provider_configs").items():
        inner = f"{where}.provider_configs.{name}"
        configs[provider_name(str(name))] = _pair(pair, inner)
    default = _typed(data.get("default_provider"), str, f"{where}.default_provider")
    return ServiceSettings(_spec(default) if default else None, _chain(data.get("fallback_chain"), where), configs)


def _pair(block: Any, where: str) -> dict[str, Any]:
    """A provider's settings for one service. The plan's other names of a field become the usual one."""
    data = dict(_mapping(block, where))
    _not_misspelt(data, _PAIR, where)
    for other, usual in _OTHER_NAMES.items():
        if other in data:
            data.setdefault(usual, data[other])
    found = _expanded(data, where)
    for name in ("model", "model_name", "base_url", "endpoint"):
        _typed(found.get(name), str, f"{where}.{name}")
    for name, checked in (("timeout", _seconds), ("max_retries", _count)):
        if name in found:
            found[name] = checked(found[name], f"{where}.{name}")
    return found


def _week11(config: AIConfiguration, block: Any, source: str) -> None:
    data = _mapping(block, f"{source}: ai_config")
    _only(data, ("providers",), f"{source}: ai_config")
    for name, pair in _mapping(data.get("providers"), f"{source}: ai_config.providers").items():
        where = f"{source}: ai_config.providers.{name}"
        inner = _mapping(pair, where)
        _only(inner, ("default", "fallback"), where)
        settings = config.service(_service_named(name, where))
        if inner.get("default"):
            settings.default_provider = _spec(str(inner["default"]))
        settings.fallback_chain = _chain(inner.get("fallback"), where) or settings.fallback_chain


def _old_json(config: AIConfiguration, top: Mapping[str, Any], source: str) -> None:
    for name, provider in _mapping(top.get("default_providers"), f"{source}: default_providers").items():
        config.default_providers[_service_named(name, source)] = _spec(str(provider))
    for name, key in _mapping(top.get("api_keys"), f"{source}: api_keys").items():
        secret = _key(key, f"{source}: api_keys.{name}")
        if secret is not None:
            config.api_keys[provider_name(str(name))] = secret
    for name, block in _mapping(top.get("service_configs"), f"{source}: service_configs").items():
        where = f"{source}: service_configs.{name}"
        data = dict(_mapping(block, where))
        known = ("provider", "api_key", "model_name", "max_retries", "timeout", "custom_config", "base_url")
        _only(data, known, where)
        data["api_key"] = _key(data.get("api_key"), f"{where}.api_key")
        data["provider"] = member(provider_name(str(data.get("provider", str(name).rpartition("_")[2]))))
        config.service_configs[str(name)] = _old_pair(_expanded(data, where), where)


def _old_pair(data: dict[str, Any], where: str) -> AIServiceConfig:
    data["custom_config"] = dict(_mapping(data.get("custom_config"), f"{where}.custom_config"))
    for name, checked in (("timeout", _seconds), ("max_retries", _count)):
        if data.get(name) is not None:
            data[name] = checked(data[name], f"{where}.{name}")
        else:
            data.pop(name, None)
    for name in ("model_name", "base_url"):
        _typed(data.get(name), str, f"{where}.{name}")
    return AIServiceConfig(**{**data, "model_name": data.get("model_name") or ""})


def _budget(block: Any, where: str) -> Budget:
    data = _mapping(block, where)
    _only(data, ("session_usd", "call_usd"), where)
    limits = {name: _typed(data.get(name), float, f"{where}.{name}") for name in ("session_usd", "call_usd")}
    for name, value in limits.items():
        if value is not None and not 0 <= value < float("inf"):
            raise ConfigurationError(f"{where}.{name} must be 0 or more.")
    return Budget(**limits)


def expand(value: Any, where: str) -> Any:
    """Replace ${VAR} and ${VAR:-default} in a text.

    Raises:
        ConfigurationError: the variable is not set and has no default.
    """
    if not isinstance(value, str):
        return value

    def found(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        result = os.environ.get(name) or default
        if result is None:
            raise ConfigurationError(
                f"{where}: the environment variable {name} is not set.", hint=f"Set it, or write ${{{name}:-default}}."
            )
        return result

    return _VARIABLE.sub(found, value)


def _expanded(data: dict[str, Any], where: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in data.items():
        inner = f"{where}.{key}"
        result[str(key)] = _key(value, inner) if key in _SECRETS else _expanded_value(value, inner)
    return result


def _expanded_value(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        return _expanded(dict(value), where)
    return [_expanded_value(item, where) for item in value] if isinstance(value, list) else expand(value, where)


def _key(value: Any, where: str) -> SecretStr | None:
    """A key; one whose variable is not set is no key, so that one file serves machines with different keys."""
    if value is None or isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise ConfigurationError(
            f"{where} must be text.", hint='Write "${THE_VARIABLE}" and keep the key in the environment.'
        )
    match = _VARIABLE.fullmatch(value.strip())
    if match and not os.environ.get(match[1]) and match[2] is None:
        return None
    text = str(expand(value, where)).strip()
    return SecretStr(text) if text else None


def _spec(text: str) -> str:
    name, colon, model = text.strip().partition(":")
    return name.lower() + colon + model


def _chain(value: Any, where: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f"{where}.fallback_chain must be a list of provider names.")
    return [_spec(item) for item in value]


def _service_named(name: Any, where: str) -> Any:
    try:
        return service_type(str(name))
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error.message}", hint=error.hint) from None


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{where} must be a mapping of names to values, not {type(value).__name__}.")
    return value


def _only(data: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for key in data:
        if key not in tuple(known):
            raise ConfigurationError(
                f"{where}: unknown key {shorten(str(key))!r}.",
                hint=suggest(str(key), known, f"Known: {', '.join(known)}."),
            )


def _not_misspelt(data: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Vendors have options of their own, so only a key that is nearly a known one counts as misspelt."""
    for key in data:
        near = difflib.get_close_matches(str(key)[:80], list(known), n=1, cutoff=0.8)
        if near and key not in tuple(known):
            raise ConfigurationError(f"{where}: unknown key {key!r}.", hint=f"Did you mean {near[0]!r}?")


def _typed(value: Any, kind: type, where: str) -> Any:
    if value is None or (isinstance(value, kind) and not (kind is int and isinstance(value, bool))):
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53:
        return float(value)
    if kind in (int, float) and isinstance(value, str):
        try:
            return kind(expand(value, where))
        except (ValueError, OverflowError) as error:
            if isinstance(error, ConfigurationError):
                raise
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    raise ConfigurationError(f"{where} must be {names[kind]}, not {shorten(repr(value))}.")


def _flag(value: Any, name: str, where: str) -> Any:
    if name == "max_retries":
        return _count(value, where)
    found = _typed(value, bool, where)
    if found is None:
        raise ConfigurationError(f"{where} must be true or false.")
    return found


def _count(value: Any, where: str) -> Any:
    number = _typed(value, int, where)
    if number is not None and not 0 <= number <= 100:
        raise ConfigurationError(f"{where} must be 0 to 100.")
    return number


def _seconds(value: Any, where: str) -> Any:
    return _positive(value, float, where)


def _positive(value: Any, kind: type, where: str) -> Any:
    number = _typed(value, kind, where)
    if number is not None and not 0 < number < float("inf"):
        raise ConfigurationError(f"{where} must be above 0, and finite.")
    return number
