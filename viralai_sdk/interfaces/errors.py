"""The one error family.

Every error answers the questions a caller has: who failed (`provider`, `service`), whether the same call may be tried again
(`retryable`), whether money may have been spent (`billed`), and what to do now (`hint`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from viralai_sdk.interfaces.records import Attempt

Billed = Literal["no", "maybe", "yes"]


class AIError(Exception):
    """Base of every error the SDK raises on purpose.

    Attributes:
        provider: name of the provider that failed, or None when no provider was involved.
        service: service value such as "image_generation", or None.
        retryable: True when sending the same request to the same provider later may succeed.
        billed: "no" when certainly nothing was charged, "yes" when it was, "maybe" when nobody can tell.
        hint: one sentence that says what to do.
        status: HTTP status of the provider's answer, if there was one.
        request_id: the provider's own id of the request, for its support desk.
    """

    default_retryable: ClassVar[bool] = False
    default_billed: ClassVar[Billed] = "no"
    ends_chain: ClassVar[bool] = False
    """True when trying the next provider would be wrong: a refusal is reported, not evaded; a budget is not walked around."""

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        service: str | None = None,
        retryable: bool | None = None,
        billed: Billed | None = None,
        hint: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.service = service
        self.retryable = self.default_retryable if retryable is None else retryable
        self.billed: Billed = self.default_billed if billed is None else billed
        self.hint = hint
        self.status = status
        self.request_id = request_id

    def __str__(self) -> str:
        where = f"[{self.provider}] " if self.provider else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{where}{self.message}{hint}"


class ConfigurationError(AIError, ValueError):
    """The configuration is wrong or incomplete: a missing key, an unknown provider, a broken file."""


class AuthenticationError(AIError):
    """The provider does not accept the key (HTTP 401)."""


class PermissionDeniedError(AIError):
    """The key is valid but may not do this (HTTP 403)."""


class RateLimitError(AIError):
    """Too many requests just now (HTTP 429). `retry_after` is the provider's wish in seconds, None when it named none."""

    default_retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.retry_after = retry_after


class QuotaExceededError(AIError):
    """The account has no credit or its quota for the period is used up: waiting a moment does not help."""


class ProviderTimeoutError(AIError, TimeoutError):
    """No answer in time. Whether the provider went on and charged is unknown."""

    default_retryable = True
    default_billed = "maybe"


class ProviderUnavailableError(AIError):
    """The provider could not be reached or answered with a server error. `retry_after` as for RateLimitError."""

    default_retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.retry_after = retry_after


class InvalidRequestError(AIError, ValueError):
    """The request itself is wrong, found out by us before sending or by the provider (HTTP 400, 413, 422)."""


class UnsupportedCapabilityError(InvalidRequestError):
    """This provider or model cannot do what was asked, and doing something else would be wrong."""


class ContentPolicyError(AIError):
    """The provider refused the content. The SDK never rewrites a refused prompt and never takes it elsewhere by itself."""

    ends_chain = True


class ModelRetiredError(AIError):
    """The model is gone. `replaced_by` names the catalog's successor when there is one."""

    def __init__(self, message: str, *, replaced_by: str | None = None, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.replaced_by = replaced_by


class EmptyResultError(AIError):
    """The provider answered with success and nothing in it."""

    default_billed = "maybe"


class MalformedResponseError(AIError):
    """The answer, or the file in it, could not be read as what it claims to be."""

    default_billed = "maybe"


class JobFailedError(AIError):
    """A provider's job ended in failure. `job_id` is our id of it."""

    default_billed = "maybe"

    def __init__(self, message: str, *, job_id: str | None = None, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.job_id = job_id


class JobLostError(JobFailedError):
    """The provider no longer knows the job."""


class JobCancelledError(JobFailedError):
    """The job was cancelled, by us or on the provider's side."""

    ends_chain = True


class BudgetExceededError(AIError):
    """The call would cost more than the configured budget allows. Nothing was sent."""

    ends_chain = True


class StorageError(AIError):
    """A result or record could not be written. `rescued` is where a paid result was put instead, if anywhere."""

    ends_chain = True

    def __init__(self, message: str, *, rescued: str | None = None, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.rescued = rescued


class AllProvidersFailedError(AIError, RuntimeError):
    """Every route of the chain failed. `attempts` tells each one's outcome, in order; `errors` are the exceptions."""

    def __init__(
        self, message: str, *, attempts: Sequence[Attempt] = (), errors: Sequence[AIError] = (), **details: object
    ) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.attempts = list(attempts)
        self.errors = list(errors)
