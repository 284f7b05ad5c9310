"""What the SDK is told: providers, services, chains, budget."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import AIProvider, AIServiceType, provider_name, service_type
from viralai_sdk.interfaces.service import AIServiceConfig, Keyless


@dataclass
class ProviderSettings(Keyless):
    """What the services of one provider share.

    Attributes:
        api_key: None when the key comes from the environment, or is not needed.
        base_url: exactly what one would give the vendor's own SDK; None takes the vendor's default.
        max_concurrency: most requests at once; None sets no limit.
        timeout: seconds for one attempt; None takes the service's default.
        max_retries: how often a request that was certainly not processed is sent again.
        local: the provider may live on, and answer with, private addresses.
        options: everything else, handed to the adapter. Tokens may be among it, so it shows in no repr.
    """

    api_key: SecretStr | None = None
    base_url: str | None = None
    max_concurrency: int | None = None
    timeout: float | None = None
    max_retries: int | None = None
    local: bool | None = None
    options: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass
class ServiceSettings(Keyless):
    """One service: who serves it, who steps in, and each provider's own settings for it."""

    default_provider: str | None = None
    fallback_chain: list[str] = field(default_factory=list)
    provider_configs: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    """May hold keys, so it shows in no repr."""


@dataclass
class Budget:
    """Limits in USD; None sets none."""

    session_usd: float | None = None
    call_usd: float | None = None


DEFAULT_TIMEOUTS = {
    AIServiceType.TEXT_GENERATION: 120.0,
    AIServiceType.IMAGE_GENERATION: 300.0,
    AIServiceType.VIDEO_GENERATION: 1800.0,
    AIServiceType.SPEECH_SYNTHESIS: 120.0,
}
"""Seconds for one attempt. Slow models answer within them; a hung connection does not hold a notebook for ever."""


@dataclass
class AIConfiguration(Keyless):
    """The whole configuration. The first three fields are the old code's and stay readable and settable.

    Attributes:
        default_providers: service → provider.
        service_configs: "<service>_<provider>" → configuration of that pair.
        api_keys: provider → key.
        enable_fallbacks: False makes every call stay with its first provider.
        enable_caching: True answers a repeated identical request from memory.
        max_retries: how often a request that was certainly not processed is sent again.
        catalog: the user's own catalog file.
        transport: what carries HTTP; "aiohttp" makes many calls at once faster and needs the extra `fast`. $VIRALAI_TRANSPORT wins.
        source: where this was read from, for messages.
    """

    default_providers: dict[AIServiceType, AIProvider | str] = field(default_factory=dict)
    service_configs: dict[str, AIServiceConfig] = field(default_factory=dict)
    api_keys: dict[AIProvider | str, str | SecretStr] = field(default_factory=dict, repr=False)
    enable_fallbacks: bool = True
    enable_caching: bool = False
    enable_cost_tracking: bool = True
    max_retries: int = 2
    providers: dict[str, ProviderSettings] = field(default_factory=dict)
    services: dict[AIServiceType, ServiceSettings] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    catalog: Path | None = None
    transport: Literal["httpx2", "aiohttp"] = "httpx2"
    source: str = "defaults"

    def __post_init__(self) -> None:
        self.api_keys = {name: _secret(key) for name, key in self.api_keys.items()}

    @classmethod
    def from_file(cls, config_path: str | Path) -> AIConfiguration:
        """Read a YAML or JSON file in any of the accepted shapes.

        Raises:
            ConfigurationError: the file, the line or the key that is wrong, and the nearest right one.
        """
        from viralai_sdk.config.reading import read_file

        return read_file(Path(config_path))

    @classmethod
    def from_dict(cls, data: dict[str, Any], source: str = "a dict") -> AIConfiguration:
        """Read a mapping in any of the accepted shapes. Raises as `from_file`."""
        from viralai_sdk.config.reading import read_mapping

        return read_mapping(data, source)

    @classmethod
    def create_default(cls) -> AIConfiguration:
        """Nothing set: keys come from the environment, and the embedded engines serve what is left."""
        return cls()

    @classmethod
    def discover(cls) -> AIConfiguration:
        """The first of: $VIRALAI_CONFIG, ./viralai.yaml, ./config/ai_config.yaml, the user's folder; else the defaults."""
        from viralai_sdk.config.reading import discover

        return discover()

    def service(self, service: AIServiceType) -> ServiceSettings:
        """Settings of a service, made when there are none yet."""
        return self.services.setdefault(service.canonical, ServiceSettings())

    def provider(self, name: str) -> ProviderSettings:
        """Settings of a provider, made when there are none yet."""
        return self.providers.setdefault(name, ProviderSettings())

    def default_provider(self, service: AIServiceType) -> str | None:
        """Provider spec set as default for a service, such as "openai" or "openai:gpt-image-2.6-flare"."""
        for kind, provider in self.default_providers.items():
            if kind.canonical is service.canonical:
                return provider.value if isinstance(provider, AIProvider) else provider.strip()
        return self.service(service).default_provider

    def key_for(self, *names: str) -> SecretStr | None:
        """The key set here for a provider, under any of its names."""
        for name in names:
            found = self.providers[name].api_key if name in self.providers else None
            if found is not None:
                return found
        for provider, key in self.api_keys.items():
            if provider_name(provider) in names:
                return _secret(key)
        return None

    def get_service_config(
        self, service: AIServiceType | str, provider: AIProvider | str | None = None
    ) -> AIServiceConfig:
        """Configuration of one service of one provider, the default provider when none is named.

        Raises:
            ConfigurationError: no provider is named and none is the default.
        """
        kind = service_type(service)
        chosen = provider if provider is not None else self.default_provider(kind)
        if chosen is None:
            raise ConfigurationError(
                f"no provider is configured for {kind.short}.", hint=f"Set ai_services.{kind.value}.default_provider."
            )
        return self.merged(kind, provider_name(provider_name(chosen).partition(":")[0]))

    def merged(self, service: AIServiceType, name: str, *other_names: str) -> AIServiceConfig:
        """What holds for a pair: the service's own block over the provider's block over the defaults."""
        names = (name, *other_names)
        explicit = self._explicit(service, names)
        if explicit is not None:
            return explicit
        block: dict[str, Any] = {}
        for candidate in names:
            block = self.service(service).provider_configs.get(candidate, block)
        shared = next((self.providers[other] for other in names if other in self.providers), ProviderSettings())
        custom = copy.deepcopy({**shared.options, **block})
        key = _secret(custom.pop("api_key")) if custom.get("api_key") else self.key_for(*names)
        model = custom.pop("model", None) or custom.pop("model_name", None) or ""
        retries = custom.pop("max_retries", shared.max_retries)
        timeout = custom.pop("timeout", shared.timeout)
        return AIServiceConfig(
            provider=member(name),
            api_key=key,
            model_name=str(model),
            max_retries=self.max_retries if retries is None else int(retries),
            timeout=DEFAULT_TIMEOUTS[service.canonical] if timeout is None else float(timeout),
            base_url=custom.pop("base_url", None) or shared.base_url,
            custom_config=custom,
        )

    def _explicit(self, service: AIServiceType, names: tuple[str, ...]) -> AIServiceConfig | None:
        for candidate in names:
            for kind in AIServiceType:
                found = self.service_configs.get(f"{kind.value}_{candidate}")
                if found is not None and kind.canonical is service.canonical:
                    if found.api_key is None:
                        found.api_key = self.key_for(*names)
                    return found
        return None


def _secret(key: str | SecretStr) -> SecretStr:
    return key if isinstance(key, SecretStr) else SecretStr(key)


def member(name: str) -> AIProvider | str:
    """The enum member of a provider's name, the name itself for a third party's."""
    try:
        return AIProvider(name)
    except ValueError:
        return name
