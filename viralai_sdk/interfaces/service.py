"""The base of all services and the configuration each one is made with."""

from __future__ import annotations

import copy
from abc import ABC
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from pydantic import SecretStr

from viralai_sdk.interfaces.errors import JobLostError, UnsupportedCapabilityError
from viralai_sdk.interfaces.names import AIProvider, AIServiceType, provider_name


class Keyless:
    """Keys stay in this process: a pickle goes to disks and other machines, so it carries none. Copies keep them."""

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = _without_keys(self.__dict__)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __copy__(self) -> Self:
        other = self.__class__.__new__(self.__class__)
        other.__dict__.update(self.__dict__)
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        other = self.__class__.__new__(self.__class__)
        memo[id(self)] = other
        other.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return other


def _without_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: ({} if name == "api_keys" else None if name == "api_key" else _without_keys(item))
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_without_keys(item) for item in value]
    return None if isinstance(value, SecretStr) else value


@dataclass
class AIServiceConfig(Keyless):
    """How one service of one provider is set up.

    Attributes:
        provider: enum member, or the plain name of a third party's provider.
        api_key: the key; a plain string is wrapped at once, so that it never shows in a repr or a log.
        model_name: default model; "default" or "" leaves it to the catalog.
        max_retries: how often a request that was certainly not processed is sent again.
        timeout: seconds for the whole call.
        custom_config: everything else from the configuration file, vendor options among it.
        base_url: exactly what one would give the vendor's own SDK; None takes the vendor's default.
    """

    provider: AIProvider | str
    api_key: SecretStr | str | None = field(default=None, repr=False)
    model_name: str = ""
    max_retries: int = 3
    timeout: float = 60
    custom_config: dict[str, Any] = field(default_factory=dict, repr=False)
    base_url: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.api_key, str):
            self.api_key = SecretStr(self.api_key)
        self.custom_config = self.custom_config or {}

    @property
    def name(self) -> str:
        """Plain lower-case name of the provider."""
        return provider_name(self.provider)

    def secret(self) -> str | None:
        """The key in the clear, for the one place that puts it into a header."""
        return self.api_key.get_secret_value() if isinstance(self.api_key, SecretStr) else self.api_key


class AIService(ABC):
    """Base of everything that serves requests. Subclasses promise one of the four services.

    User code may override `validate_config` or, as older code did, `_validate_config`: both are called by the factory after
    construction, when the subclass's own attributes exist.
    """

    service: ClassVar[AIServiceType]

    def __init__(self, config: AIServiceConfig) -> None:
        self.config = config

    def validate_config(self) -> None:
        """Refuse a configuration that cannot work.

        Raises:
            ConfigurationError: what is missing and where to set it.
        """

    def get_provider_name(self) -> str:
        """Name of the provider, lower case."""
        return self.config.name

    def estimate_cost(self, *args: Any, **kwargs: Any) -> Any:
        """Price of a request in USD, None when unknown. Old code's sync and async forms are both accepted in subclasses."""
        return None

    async def aclose(self) -> None:
        """Let go of whatever the service holds. Services driven by the SDK's runner hold nothing."""

    def trial_model(self) -> str | None:
        """The model that a trial of a real provider calls; None leaves it to the configuration."""
        return None

    def unknown_job(self, job_id: str) -> JobLostError:
        """The error for a job that this service does not know."""
        return JobLostError(
            f"no job {job_id!r} is known here.",
            job_id=job_id,
            provider=self.get_provider_name(),
            service=self.service.value,
            billed="no",
        )

    def unsupported(self, what: str, *, hint: str | None = None) -> UnsupportedCapabilityError:
        """The error for something this service cannot do."""
        return UnsupportedCapabilityError(
            f"{self.get_provider_name()} cannot do {what}.",
            provider=self.get_provider_name(),
            service=self.service.value,
            hint=hint,
        )
