"""Makes services. The registry knows the classes; the factory knows the configuration."""

from __future__ import annotations

import dataclasses
import os
import threading
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from pydantic import SecretStr

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import AIProvider, AIServiceType, service_type
from viralai_sdk.interfaces.service import AIService, AIServiceConfig
from viralai_sdk.providers import registry
from viralai_sdk.store.redact import register_secret

if TYPE_CHECKING:
    from viralai_sdk.config.configuration import AIConfiguration


SECRET_ENDINGS = ("token", "secret", "password", "api_key", "private_key")
"""Settings whose names end like this stay out of all records, as the key does."""


class AIServiceFactory:
    """The old code's factory: a registry with class methods. `get_instance()` gives the class itself, which is all the state there is."""

    @classmethod
    def get_instance(cls) -> type[AIServiceFactory]:
        """For code that asks for a singleton."""
        return cls

    @classmethod
    def create(cls, service: AIServiceType | str, config: AIServiceConfig) -> AIService:
        """Make a service of a provider.

        Raises:
            ConfigurationError: (a ValueError) no such provider, it has no such service, or its configuration cannot work.
        """
        kind = service_type(service)
        name = registry.resolve(config.provider, kind)
        made = registry.implementation(name, kind)(config)
        old_hook = getattr(made, "_validate_config", None)
        if old_hook is not None:
            old_hook()
        made.validate_config()
        return made

    @classmethod
    def register(
        cls, service: AIServiceType | str, provider: AIProvider | str, implementation: type[AIService]
    ) -> None:
        """Let a class serve a service of a provider from now on, in place of what served it before."""
        registry.register(service_type(service), provider, implementation)

    @classmethod
    def get_available_providers(cls, service: AIServiceType | str) -> list[AIProvider | str]:
        """Providers that have the service; whether they are configured is another question, see `ai.providers()`."""
        kind = service_type(service)
        names = [name for name in registry.all_names() if kind in registry.services_of(name)]
        return [AIProvider(name) if name in AIProvider._value2member_map_ else name for name in names]

    @classmethod
    def initialize_providers(cls) -> None:
        """Nothing to do: providers are found by themselves. Kept for code that calls it."""


class ConfiguredFactory:
    """Makes and keeps the services of one configuration, keys and addresses from the environment included."""

    def __init__(self, config: AIConfiguration) -> None:
        self._config = config
        self._made: dict[tuple[AIServiceType, str], tuple[type[AIService], AIService]] = {}
        self._making = threading.RLock()  # a service may ask for another one while it is made

    def service(self, service: AIServiceType, name: str) -> AIService:
        """The service of a provider, made on first use.

        Raises:
            ConfigurationError: no key, or a configuration that cannot work.
        """
        kind = service.canonical
        wanted = registry.implementation(name, kind)
        kept = self._made.get((kind, name))
        if kept is not None and kept[0] is wanted:
            return kept[1]
        with self._making:
            return self._make(kind, name, wanted)

    def _make(self, kind: AIServiceType, name: str, wanted: type[AIService]) -> AIService:
        """Under the lock: of two made at once one would be forgotten, and never let go of what it holds."""
        kept = self._made.get((kind, name))
        if kept is not None and kept[0] is wanted:
            return kept[1]
        spec = registry.spec_of(name)
        config = self.config_for(kind, spec)
        if spec.key_required and config.api_key is None:
            raise missing_key(spec, kind)
        check_key(config, spec)
        made = AIServiceFactory.create(kind, config)
        self._made[kind, name] = (wanted, made)
        return made

    def forget(self) -> None:
        """Make services anew on their next use, because the configuration has changed."""
        self._made.clear()

    async def aclose(self) -> None:
        """Let the services go of what they hold, such as a loaded model; they are made anew on their next use."""
        made, self._made = list(self._made.values()), {}
        async with AsyncExitStack() as stack:
            for _, service in made:
                stack.push_async_callback(service.aclose)

    def config_for(self, service: AIServiceType, spec: ProviderSpec) -> AIServiceConfig:
        """What a service of a provider is made with: files first, then the vendor's own environment variables, then its defaults."""
        others = [alias for alias, provider in registry.alias_pairs(service) if provider == spec.name]
        return complete(self._config.merged(service, spec.name, *others), spec)

    def configured(self, service: AIServiceType, name: str) -> bool:
        """True when the provider has what it needs to be called."""
        spec = registry.spec_of(name)
        if spec.key_required:
            return self.config_for(service, spec).api_key is not None
        return not (spec.local or spec.only_named) or self._mentioned(spec)

    def _mentioned(self, spec: ProviderSpec) -> bool:
        """Local servers and some others need no key, so they count as configured only when somebody named them."""
        names = {spec.name, *spec.aliases}
        config = self._config
        if names & config.providers.keys() or (spec.base_url_env and os.environ.get(spec.base_url_env)):
            return True
        for settings in config.services.values():
            labels = [settings.default_provider or "", *settings.fallback_chain]
            if names & ({label.partition(":")[0] for label in labels} | settings.provider_configs.keys()):
                return True
        return False


def complete(given: AIServiceConfig, spec: ProviderSpec) -> AIServiceConfig:
    """A copy of a configuration with what the environment and the vendor's defaults add. From here on its key stays out of all records."""
    config = dataclasses.replace(given, custom_config=dict(given.custom_config))
    if config.api_key is None:
        config.api_key = environment_key(spec)
    if not config.base_url:
        config.base_url = (os.environ.get(spec.base_url_env) if spec.base_url_env else None) or spec.base_url
    if config.base_url and spec.parse_base_url:
        config.base_url = spec.parse_base_url(config.base_url)
    for variable, option in spec.option_env.items():
        if os.environ.get(variable, "").strip():
            config.custom_config.setdefault(option, os.environ[variable].strip())
    secret = config.secret()
    if secret:
        register_secret(secret)
    for name, value in config.custom_config.items():
        # Some vendors take more than one secret, such as an access token.
        if isinstance(value, SecretStr):
            register_secret(value.get_secret_value())
        elif isinstance(value, str) and name.lower().endswith(SECRET_ENDINGS):
            register_secret(value)
    return config


def check_key(config: AIServiceConfig, spec: ProviderSpec) -> None:
    """Refuse a key that cannot be one, before it breaks a header.

    Raises:
        ConfigurationError: it has blanks, control characters or letters outside ASCII.
    """
    secret = config.secret()
    if secret and (not secret.isascii() or not secret.isprintable() or " " in secret):
        raise ConfigurationError(
            f"the key for {spec.title} has characters that no key has.",
            provider=spec.name,
            hint="Copy it again, without blanks, line breaks and typographic dashes.",
        )


def environment_key(spec: ProviderSpec) -> SecretStr | None:
    """The key in the vendor's own environment variables, in the vendor's order."""
    for variable in spec.key_env:
        value = os.environ.get(variable, "").strip()
        if value:
            return SecretStr(value)
    return None


def missing_key(spec: ProviderSpec, service: AIServiceType) -> ConfigurationError:
    """The error for a provider without its key."""
    variable = spec.key_env[0] if spec.key_env else "its key"
    return ConfigurationError(
        f"there is no key for {spec.title}.",
        provider=spec.name,
        service=service.value,
        hint=f"Set the environment variable {variable}, or providers.{spec.name}.api_key in viralai.yaml.",
    )
