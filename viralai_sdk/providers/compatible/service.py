"""What the three services of a compatible server share."""

from __future__ import annotations

from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.providers.compatible.dialect import Dialect, dialect_of
from viralai_sdk.providers.compatible.rows import classes_of, rows
from viralai_sdk.providers.openai.base import OpenAIAdapter


class CompatibleAdapter(OpenAIAdapter):
    """Knows the server's dialect."""

    def __init__(self, config: AIServiceConfig) -> None:
        super().__init__(config)
        self.dialect = self.find_dialect(config)

    def find_dialect(self, config: AIServiceConfig) -> Dialect:
        """The dialect of this server."""
        return dialect_of(config)

    def validate_config(self) -> None:
        """A server from the configuration needs an address, and serves what its flags say.

        Raises:
            ConfigurationError: what is missing.
        """
        name = self.config.name
        if not self.config.base_url:
            raise ConfigurationError(
                f"there is no address for {name}.", provider=name, hint=f"Set providers.{name}.base_url."
            )
        from_configuration = name not in rows() and self.config.custom_config.get("compatible")
        if from_configuration and self.service not in classes_of(self.dialect.services):
            raise ConfigurationError(
                f"{name} is not said to serve {self.service.short}.",
                provider=name,
                hint=f"Add it to providers.{name}.compatible.services if it does.",
            )

    def check_model(self, model: str) -> None:
        """Refuse a call without a model, for there is no default that a stranger's server would know.

        Raises:
            InvalidRequestError: none is named.
        """
        if not model and self.dialect.model_required:
            name = self.config.name
            raise InvalidRequestError(
                "no model is named, and this server has no default.",
                provider=name,
                hint=f"Give model=…, write {name}:<model>, or set the model in the configuration.",
            )
