"""Signing in to Google: an API key, an access token, a credentials file, or what the machine itself has (application default
credentials).

An adapter asks for its headers in a step, because getting a token may take a request:

    auth = yield from self.credentials.sign_in()
    answer = yield Send("POST", path, json=body, headers=auth.headers)

The rules of Google's many kinds of credentials (keys of service accounts, logins of people, metadata servers, federated identities) are
those of `google-auth`, an extra. It decides what to send; the connection is ours. Tokens stay in memory and never reach a log.
"""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from viralai_sdk.interfaces.errors import (
    AIError,
    AuthenticationError,
    ConfigurationError,
    ProviderUnavailableError,
)
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Compute, Steps

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
"""The one scope that all of Google Cloud's AI services take."""
SETTINGS = ("access_token", "credentials", "quota_project")
"""Configuration keys that are read here; none of them is a vendor field of a request."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a request needs.

    Attributes:
        headers: the key or token among them; not shown in a repr.
        project: the Google Cloud project that the credentials belong to, None when they do not tell.
    """

    headers: Mapping[str, str] = field(repr=False)
    project: str | None = None


class TokenSource(Protocol):
    """Gives access tokens. What `google-auth` calls credentials; tests and callers may bring their own."""

    def current(self) -> SignedIn | None:
        """A token that is still good, without any waiting; None when there is none."""

    def fetch(self) -> SignedIn:
        """A good token, a new one if need be. Blocks."""


class Credentials:
    """How one service signs in. Built from its configuration; of several settings the most particular one counts:
    `access_token`, then `credentials` (a file), then the API key, then application default credentials.

    Raises:
        ConfigurationError: on construction, when there is no way to sign in.
    """

    def __init__(self, config: AIServiceConfig, *, default: bool = True) -> None:
        """Args:
        default: fall back to application default credentials; services that take nothing but a key say False.
        """
        settings = config.custom_config
        self._quota_project = _word(settings.get("quota_project"))
        self._fixed: SignedIn | None = None
        self._source: TokenSource | None = None
        if token := settings.get("access_token"):
            secret = token.get_secret_value() if isinstance(token, SecretStr) else str(token)
            self._fixed = SignedIn({"Authorization": f"Bearer {secret}"})
        elif given := settings.get("credentials"):
            self._source = given if hasattr(given, "fetch") else file_source(given)
        elif key := config.secret():
            self._fixed = SignedIn({"x-goog-api-key": key})
        elif default:
            self._source = default_source()
        else:
            raise ConfigurationError("there is no key.", provider=config.name, hint="Set api_key.")

    @property
    def by_key(self) -> bool:
        """Whether an API key signs the requests, so that addresses need no project."""
        return self._fixed is not None and "x-goog-api-key" in self._fixed.headers

    def sign_in(self) -> Steps[SignedIn]:
        """Steps that give the headers of the next request. No step at all while a token is good.

        Raises:
            AuthenticationError: Google refuses the credentials.
            ConfigurationError: the file is missing or wrong, or the machine has no credentials.
            ProviderUnavailableError: no token just now; nothing was billed.
        """
        ready = self._ready()
        if ready is None:
            ready = yield Compute(self._fetch)
        return self._with_quota(ready)

    def sign_in_now(self) -> SignedIn:
        """The same at once, for streams, whose steps begin with the request. Blocks about once an hour, while a token is fetched."""
        return self._with_quota(self._ready() or self._fetch())

    def _ready(self) -> SignedIn | None:
        if self._fixed is not None:
            return self._fixed
        assert self._source is not None
        return self._source.current()

    def _fetch(self, **runner: Any) -> SignedIn:
        """Args:
        runner: what the runner gives every computation; one request is too short to report on.
        """
        assert self._source is not None
        return self._source.fetch()

    def _with_quota(self, signed: SignedIn) -> SignedIn:
        if self._quota_project is None:
            return signed
        return SignedIn({**signed.headers, "x-goog-user-project": self._quota_project}, signed.project)


def hide_token(config: AIServiceConfig) -> None:
    """Wrap a configured access token, so that it cannot be printed with the configuration."""
    token = config.custom_config.get("access_token")
    if isinstance(token, str):
        config.custom_config["access_token"] = SecretStr(token)


class GoogleAuthSource:
    """Tokens by `google-auth`, fetched once for all services and threads that use the same credentials."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._credentials: Any = None
        self._project: str | None = None

    def current(self) -> SignedIn | None:
        credentials = self._credentials
        if credentials is None or not credentials.valid:
            return None
        return self._signed(credentials)

    def fetch(self) -> SignedIn:
        with self._lock:
            ready = self.current()
            if ready is not None:
                # Another thread was quicker.
                return ready
            auth = _google_auth()
            from viralai_sdk.providers.google_common.transport import Transport

            try:
                with Transport() as transport:
                    if self._credentials is None:
                        self._credentials, self._project = _load(auth, self._path, transport)
                    self._credentials.refresh(transport)
            except auth.exceptions.GoogleAuthError as error:
                raise _explain(auth, error) from error
            return self._signed(self._credentials)

    def _signed(self, credentials: Any) -> SignedIn:
        headers = {"Authorization": f"Bearer {credentials.token}"}
        if quota := getattr(credentials, "quota_project_id", None):
            headers["x-goog-user-project"] = str(quota)
        return SignedIn(headers, self._project)


def file_source(given: Any) -> TokenSource:
    """Tokens by a credentials file. The same unchanged file gives the same source.

    Raises:
        ConfigurationError: there is no such file.
    """
    path = Path(str(given)).expanduser().absolute()
    try:
        facts = path.stat()
    except OSError as error:
        raise ConfigurationError(
            f"the credentials file {path.name!r} cannot be read: {error.strerror}.",
            hint="`credentials` takes the path of a service account's JSON key.",
        ) from error
    return _shared(path, facts.st_mtime_ns, facts.st_size)


def default_source() -> TokenSource:
    """Tokens by application default credentials: $GOOGLE_APPLICATION_CREDENTIALS, gcloud's login, or the machine's own account."""
    return _shared(None, 0, 0)


@functools.lru_cache(maxsize=64)
def _shared(path: Path | None, changed: int, size: int) -> GoogleAuthSource:
    return GoogleAuthSource(path)


def _google_auth() -> Any:
    try:
        import google.auth
        import google.auth.exceptions
    except ImportError as error:
        raise ConfigurationError(
            "signing in to Google Cloud needs the package google-auth.",
            hint="pip install 'viralai-sdk[google]', or set an API key.",
        ) from error
    return google.auth


def _load(auth: Any, path: Path | None, transport: Any) -> tuple[Any, str | None]:
    """Credentials and their project. Reads files; may ask the metadata server."""
    with warnings.catch_warnings():
        # The library warns about files of unknown origin and about people's logins; this file was named by the user.
        warnings.simplefilter("ignore")
        if path is None:
            credentials, project = auth.default(scopes=[SCOPE], request=transport)
        else:
            credentials, project = auth.load_credentials_from_file(str(path), scopes=[SCOPE], request=transport)
    return credentials, _word(project)


def _explain(auth: Any, error: Exception) -> AIError:
    """Our error for one of google-auth's. Its text may quote answers of the token server, so only the known parts of it are taken over."""
    if isinstance(error, auth.exceptions.TransportError):
        return ProviderUnavailableError("Google's token server cannot be reached.", billed="no")
    if isinstance(error, auth.exceptions.DefaultCredentialsError):
        return ConfigurationError(
            "there are no Google credentials.",
            hint="Set `credentials` to a service account's key file, run `gcloud auth application-default login`, or set an API key.",
        )
    if getattr(error, "retryable", False):
        return ProviderUnavailableError("Google's token server has no token just now.", billed="no")
    details = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
    reason = " ".join(str(details[key]) for key in ("error", "error_description") if isinstance(details.get(key), str))
    return AuthenticationError(
        f"Google does not accept the credentials ({reason or type(error).__name__}).",
        hint="Check the key file, the clock of this machine, and whether the account still exists.",
    )


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
