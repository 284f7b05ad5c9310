"""`AIProviderTestCase`: everything that a provider's service must hold, for pytest and without it."""

from __future__ import annotations

import datetime
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from viralai_sdk.config.configuration import AIConfiguration
from viralai_sdk.interfaces.names import AIProvider, AIServiceType, provider_name, service_type
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.service import AIService
from viralai_sdk.providers import registry
from viralai_sdk.services.factory import ConfiguredFactory
from viralai_sdk.testing.behaviour import check_cancellation, check_secrets, check_speed, check_streaming
from viralai_sdk.testing.failures import check_errors
from viralai_sdk.testing.honesty import check_honesty
from viralai_sdk.testing.interface import check_interface
from viralai_sdk.testing.report import Report
from viralai_sdk.testing.rig import Rig, rig


@dataclass(slots=True)
class Connection:
    """How to reach what plays the vendor.

    Attributes:
        base_url: as one would give it to the vendor's own SDK; None takes the provider's own.
        api_key: a key that is accepted there; choose one that cannot turn up by chance.
        settings: the rest of the provider's block in the configuration.
    """

    base_url: str | None = None
    api_key: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def block(self) -> dict[str, Any]:
        """The provider's block in a configuration."""
        given = {"base_url": self.base_url, "api_key": self.api_key}
        return {**{name: value for name, value in given.items() if value is not None}, "local": True, **self.settings}


def _marks() -> list[Any]:
    """Coroutine tests run without `asyncio_mode = auto` too; without pytest there is nothing to mark."""
    if importlib.util.find_spec("pytest") is None:
        return []
    import pytest

    return [pytest.mark.asyncio]


def _fixture(function: Callable[..., Any]) -> Any:
    if importlib.util.find_spec("pytest") is None:
        return function
    import pytest

    return pytest.fixture(function)


class AIProviderTestCase:
    """Subclass it in a test file:

        class TestExample(AIProviderTestCase):
            provider = "example"

            @contextmanager
            def connection(self):
                with FakeServer() as server:
                    yield Connection(server.url, "a-key-of-the-fake-server")

    pytest then runs every check for each of the provider's services (pytest and pytest-asyncio are needed). Built-in vendors need no
    `connection`: the simulator plays them. Without pytest: `print(await AIProviderTestCase().run(service))`.

    Attributes:
        provider: its name.
        services: the services to test; None takes all that the provider has.
        model: model to test with; None takes the catalog's default.
        max_seconds: longest median of a call; None sets no limit, since a shared machine is no stopwatch.
        live: a real vendor is at the other end: each service is paid for three to four calls instead of a dozen.
        today: clock for model lifecycles; None takes the simulator's, or the real one.
    """

    provider: ClassVar[AIProvider | str] = ""
    services: ClassVar[Sequence[AIServiceType | str] | None] = None
    model: ClassVar[str | None] = None
    max_seconds: ClassVar[float | None] = None
    live: bool = False
    today: Callable[[], datetime.date] | None = None

    pytestmark = _marks()

    # --- what a subclass may replace

    def connection(self) -> AbstractContextManager[Connection]:
        """Start what plays the vendor, and stop it in the end. The default is the simulator; an engine needs nothing.

        Raises:
            KeyError: nobody simulates this provider; replace this method.
        """
        return self._simulated()

    @contextmanager
    def _simulated(self) -> Iterator[Connection]:
        name = provider_name(self.provider)
        if registry.spec_of(name).embedded:
            yield Connection()
            return
        from viralai_sdk.simulator.settings import provider_block
        from viralai_sdk.testing.shared import simulator

        block = provider_block(simulator(), name)
        yield Connection(block.pop("base_url"), block.pop("api_key"), block)

    def make(self, kind: AIServiceType, connection: Connection) -> AIService:
        """A service of the provider, configured for the connection."""
        name = provider_name(self.provider)
        block = connection.block() | ({"model": self.model} if self.model else {})
        return ConfiguredFactory(AIConfiguration.from_dict({"providers": {name: block}})).service(kind, name)

    # --- pytest

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """One test for each service."""
        if "service" in metafunc.fixturenames:
            kinds = self.kinds()
            metafunc.parametrize("service", kinds, indirect=True, ids=[kind.short for kind in kinds])

    @_fixture
    def service(self, request: Any) -> Iterator[AIService]:
        """The service under test, connected."""
        with self.connection() as connection:
            yield self.make(request.param, connection)

    @classmethod
    def kinds(cls) -> list[AIServiceType]:
        """The services to test."""
        if cls.services is not None:
            return [service_type(kind) for kind in cls.services]
        return registry.services_of(provider_name(cls.provider)) if cls.provider else []

    async def test_interface_compliance(self, service: AIService) -> None:
        """Results, files, voices: what the interface promises."""
        await self._passed(service, self._interface)

    async def test_error_handling(self, service: AIService) -> None:
        """Every failure is the right error, and never a result."""
        await self._passed(service, self._errors)

    async def test_capability_honesty(self, service: AIService) -> None:
        """What is said to be dropped is not sent; everything else is."""
        await self._passed(service, self._honesty)

    async def test_streaming(self, service: AIService) -> None:
        """A stream and its whole are the same; other services pass."""
        async with self._rig(service) as stand:
            report = Report(stand.provider, stand.kind.short)
            await check_streaming(stand, report)
            if report.checks:
                report.raise_failed()

    async def test_cancellation(self, service: AIService) -> None:
        """A stopped call ends at once."""
        await self._passed(service, self._cancellation)

    async def test_secrets(self, service: AIService) -> None:
        """The key is nowhere."""
        async with self._rig(service) as stand:
            report = Report(stand.provider, stand.kind.short)
            response = await check_interface(stand, report)
            await check_secrets(stand, report, [] if response is None else [response])
            report.raise_failed()

    async def test_performance(self, service: AIService) -> None:
        """Calls one after the other and at once succeed, within `max_seconds` where that is set."""
        await self._passed(service, self._performance)

    # --- without pytest

    async def run(self, service: AIService) -> Report:
        """All checks of one service. Never raises for a failed check; see `Report.ok`, and `print(report)` for one line each."""
        async with self._rig(service) as stand:
            report = Report(stand.provider, stand.kind.short)
            response = await check_interface(stand, report)
            await self._errors(stand, report)
            await self._honesty(stand, report)
            await check_streaming(stand, report)
            await self._cancellation(stand, report)
            await self._performance(stand, report)
            seen: list[Response] = [] if response is None else [response]
            await check_secrets(stand, report, list(seen))
        return report

    def _rig(self, service: AIService) -> Any:
        return rig(service, live=self.live, today=self.today or (None if self.live else _simulated_today(service)))

    async def _passed(self, service: AIService, checks: Callable[[Rig, Report], Any]) -> None:
        async with self._rig(service) as stand:
            report = Report(stand.provider, stand.kind.short)
            await checks(stand, report)
            report.raise_failed()

    async def _interface(self, stand: Rig, report: Report) -> None:
        await check_interface(stand, report)

    async def _errors(self, stand: Rig, report: Report) -> None:
        await check_errors(stand, report)

    async def _honesty(self, stand: Rig, report: Report) -> None:
        await check_honesty(stand, report)

    async def _cancellation(self, stand: Rig, report: Report) -> None:
        await check_cancellation(stand, report)

    async def _performance(self, stand: Rig, report: Report) -> None:
        await check_speed(stand, report, self.max_seconds)


def _simulated_today(service: AIService) -> Callable[[], datetime.date] | None:
    """The simulator's date for a service that talks to it: its vendors retire models by their own clock."""
    from viralai_sdk.testing.shared import today_at

    return today_at(service.config.base_url)
