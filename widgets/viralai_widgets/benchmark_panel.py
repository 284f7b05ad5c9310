"""`BenchmarkPanel`: plan a benchmark, run it, watch it, compare it with an earlier one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from viralai_sdk.bench.history import find, names_in
from viralai_sdk.bench.planning import plan as plan_benchmark
from viralai_sdk.bench.results import SavedRun, load
from viralai_sdk.bench.runs import benchmarks_folder
from viralai_sdk.bench.verdicts import Verdict, compare
from viralai_sdk.interfaces.display import Html, label
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError
from viralai_sdk.interfaces.names import AIServiceType, service_type
from viralai_widgets.benchmark_form import as_levels, estimate_of, one_a_line, parameters_of, without_secret
from viralai_widgets.benchmark_progress import progress
from viralai_widgets.benchmark_runs import Execution, HereRun, NotebookRun, kept
from viralai_widgets.benchmark_static import static_html, static_text
from viralai_widgets.benchmark_views import history_section, result_sections, verdict_section
from viralai_widgets.owner import Owner, Work
from viralai_widgets.panel import Panel, error_words
from viralai_widgets.parameters import fields_of
from viralai_widgets.provider_picker import SERVICE_NAMES, offers, simulated_offers

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI

ESTIMATE_SECONDS = 0.3
"""After the last change of the form."""
DRAW_SECONDS = 0.3
"""Between two looks at a run."""
DRAW_SHARE = 0.02
"""Most of the loop's time that drawing may take: the calls under way are measured on it."""
RUNS_SHOWN = 30
_FORM = ("service", "prompts", "prompts_file", "value", "parameters", "options", "repeats", "concurrency", "budget")


class BenchmarkPanel(Panel):
    """Measure providers: what it would cost, then latencies, failures and cost as they arrive, then the comparison with an earlier run.

    >>> panel = BenchmarkPanel(ai, "image", providers=["openai", "gemini"], prompts=["a red fox"], repeats=20)
    >>> panel                      # shows it
    >>> await panel.run()          # the same as its Run button

    Attributes:
        service, prompts, prompts_file, repeats, concurrency, budget, parameters, options: the form. `prompts` holds one a line and
            `prompts_file` is used instead when it is given; `concurrency` is text such as "1, 4", `budget` is USD as text or empty;
            `options` is JSON text of any further parameter of `viralai_sdk.bench.plan`.
        value: specs of the chosen providers, as in `ProviderPicker`.
        simulate: ask simulated vendors on this machine: no key, no bill.
        notebook: run it through the service's notebook in a process of its own, which keeps the executed notebook and a report. That
            process reads the configuration file and the environment, not what was set in this kernel alone.
        running, stopping: a run is going on; it was asked to stop.
        estimate, progress, results, history, verdicts: what the page shows; read them.
        saved: the latest run that was made or shown, a `SavedRun`; None before.

    Args:
        ai: the client that makes the calls.
        service: what is made.
        providers: specs that are chosen at first.
        prompts: one string with a prompt a line, or several strings.
        concurrency: levels: so many calls are kept in flight.
        budget_usd: most that a run may cost.

    Raises:
        InvalidRequestError: an unknown keyword argument, provider or service; a prompt of several lines; a value like a secret.
    """

    assets: ClassVar[tuple[str, ...]] = ("provider-picker", "compare-form", "board", "benchmark-panel")

    service = traitlets.Enum(SERVICE_NAMES, "image").tag(sync=True)
    services = traitlets.List(traitlets.Unicode(), list(SERVICE_NAMES), read_only=True).tag(sync=True)
    rows = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    value = traitlets.List(traitlets.Unicode()).tag(sync=True)
    multiple = traitlets.Bool(True, read_only=True).tag(sync=True)
    prompts = traitlets.Unicode("").tag(sync=True)
    prompts_file = traitlets.Unicode("").tag(sync=True)
    repeats = traitlets.Int(3, min=1, max=10_000).tag(sync=True)
    concurrency = traitlets.Unicode("1").tag(sync=True)
    budget = traitlets.Unicode("").tag(sync=True)
    fields = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    parameters = traitlets.Dict().tag(sync=True)
    options = traitlets.Unicode("").tag(sync=True)
    simulate = traitlets.Bool(False).tag(sync=True)
    notebook = traitlets.Bool(False).tag(sync=True)
    running = traitlets.Bool(False, read_only=True).tag(sync=True)
    stopping = traitlets.Bool(False, read_only=True).tag(sync=True)
    estimate = traitlets.Dict(read_only=True).tag(sync=True)
    progress = traitlets.Dict(read_only=True).tag(sync=True)
    results = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    history = traitlets.List(traitlets.Dict(), read_only=True, help="At most one section: past runs.").tag(sync=True)
    past = traitlets.List(traitlets.Dict(), read_only=True, help="Past runs to choose from.").tag(sync=True)
    verdicts = traitlets.List(traitlets.Dict(), read_only=True, help="At most one section.").tag(sync=True)

    def __init__(
        self,
        ai: ViralAI,
        service: AIServiceType | str = "image",
        providers: Iterable[str] = (),
        *,
        prompts: str | Iterable[str] = "",
        concurrency: int | str | Iterable[int] = 1,
        budget_usd: float | None = None,
        owner: Owner | None = None,
        **state: Any,
    ) -> None:
        self._ai = ai
        self._execution: Execution | None = None
        self._work: Work[SavedRun] | None = None
        self._estimate_due: asyncio.TimerHandle | None = None
        self._draw_due: asyncio.TimerHandle | None = None
        self._draw_after = DRAW_SECONDS
        self._begun = 0
        self._looking = asyncio.Lock()
        self.saved: SavedRun | None = None
        if budget_usd is not None:
            state.setdefault("budget", f"{budget_usd:g}")
        title = state.pop("title", "Benchmark")
        words = {"prompts": one_a_line(prompts), "concurrency": as_levels(concurrency)}
        super().__init__(owner=owner, title=title, service=service_type(service).short, **words, **state)
        self._offer()
        self.value = list(providers)
        self._look_back()

    # The form -----------------------------------------------------------------------------------------------------------------

    def _offer(self) -> None:
        try:
            rows = simulated_offers(self.service) if self.simulate else offers(self._ai, self.service)
        except AIError as error:  # the simulator is not installed
            self.show_error(error)
            rows = []
        self.set_trait("rows", rows)
        self.set_trait("fields", fields_of(self.service))

    @traitlets.observe("service")
    def _other_service(self, _change: Any) -> None:
        self.value, self.parameters = [], {}
        self._offer()

    @traitlets.observe("simulate")
    def _other_vendors(self, _change: Any) -> None:
        self._offer()

    @traitlets.validate("value")
    def _known(self, proposal: Any) -> list[str]:
        chosen = list(dict.fromkeys(spec.strip() for spec in proposal["value"] if spec.strip()))
        for spec in chosen:
            self._ai.manager.parse(spec, service_type(self.service))  # refuses unknown names in words that help
        return chosen

    @traitlets.validate("options", "parameters", "prompts_file")
    def _no_secret(self, proposal: Any) -> Any:
        return without_secret(proposal["trait"].name, proposal["value"])

    @traitlets.observe(*_FORM, "simulate", "notebook", "running")
    def _form_changed(self, _change: Any) -> None:
        self.owner.call(self._plan_estimate)

    def _plan_estimate(self) -> None:
        if self._estimate_due is not None:
            self._estimate_due.cancel()
        # Not while calls are measured: planning takes the loop's time. The end of the run asks again.
        self._estimate_due = None if self.running else self.owner.loop.call_later(ESTIMATE_SECONDS, self.reckon)

    def reckon(self) -> None:
        """Work out what a run would do and cost, or what is wrong with it. Nothing is sent."""
        self._estimate_due = None
        try:
            plan = plan_benchmark(self.service, ai=None if self.simulate else self._ai, **parameters_of(self))
        except AIError as error:
            words = error_words(error)
            problem = f"{words['message']} {words['hint']}".strip()
            self.set_trait("estimate", {"words": "", "rows": [], "notes": [], "problem": problem})
        else:
            self.set_trait("estimate", estimate_of(plan))

    # Running ------------------------------------------------------------------------------------------------------------------

    def start(self) -> Work[SavedRun]:
        """Begin a run and come back at once; the button Run does this. `await` what it gives, or leave it.

        Raises:
            InvalidRequestError: a run is going on.
        """
        if self._work is not None and not self._work.done:
            raise InvalidRequestError("a run is going on.", hint="Stop it first, or wait.")
        self._work = self.owner.start(self._go(), self._ended)
        return self._work

    async def run(self) -> SavedRun:
        """Run what the form says and wait for it. The panel stays alive meanwhile.

        Interrupting the cell stops the run; what was measured is kept and shown. A run that was stopped is a partial one, no error.

        Raises:
            asyncio.CancelledError: it was interrupted, or stopped a second time.
            AIError: something is wrong with the plan, and nothing was sent; or files cannot be written. The panel shows it as well.
        """
        work = self.start()
        try:
            return await work
        except asyncio.CancelledError:
            if not work.done:
                self.stop()
            raise

    async def _go(self) -> SavedRun:
        self.clear_error()
        execution = await self._prepared()
        self._execution = execution
        self._begun += 1
        self.set_trait("results", [])
        self.set_trait("verdicts", [])
        self.set_trait("running", True)
        self.notice = f"Running {len(execution.plan.slots)} calls."
        self._draw()
        try:
            saved = await execution.run(self._changed)
            self._show(saved)
            return saved
        except BaseException:
            found = kept(execution.folder)
            if found is not None:
                self._show(found)
            raise
        finally:
            self._draw()
            self.set_trait("running", False)
            self.set_trait("stopping", False)
            self._look_back()

    async def _prepared(self) -> Execution:
        asked = parameters_of(self)
        if self.notebook:
            return await asyncio.to_thread(NotebookRun, self.service, asked, self._ai)
        plan = plan_benchmark(self.service, ai=None if self.simulate else self._ai, **asked)
        return HereRun(plan, self._ai)

    def _changed(self) -> None:
        if self._draw_due is None:
            self._draw_due = self.owner.loop.call_later(self._draw_after, self._draw)

    def _draw(self) -> None:
        if self._draw_due is not None:
            self._draw_due.cancel()
            self._draw_due = None
        if self._execution is not None:
            began = time.perf_counter()
            self.set_trait("progress", progress(self._execution.plan, self._execution.rows))
            self._draw_after = max(DRAW_SECONDS, (time.perf_counter() - began) / DRAW_SHARE)
            self.snapshot()

    def _ended(self, work: Work[SavedRun]) -> None:
        try:
            saved = work.result(0)
        except asyncio.CancelledError:
            self.notice = "Stopped at once; what was measured is kept."
        except BaseException as error:
            self.notice = ""
            self.show_error(error)
        else:
            summary = saved.summary
            failed = sum(arm["failed"] for arm in summary["arms"])
            word = "Finished" if summary["state"] == "complete" else f"Ended early ({summary['reason']})"
            told = f"{summary['recorded']} of {summary['planned']} calls, {failed} failed"
            self.notice = f"{word}: {told}. Kept in {label(saved.name)}."
        self.snapshot()

    def stop(self) -> None:
        """Stop the run; harmless when nothing runs. From any thread.

        Calls under way may still end by themselves, since they may be paid for; a second time cancels them.
        """
        self.owner.call(self._stop)

    def _stop(self) -> None:
        if self._work is None or self._work.done:
            return
        if self._execution is None or not self.running:  # it is still being prepared, and has asked nobody
            self._work.cancel()
            return
        self._execution.stop()
        if not self.stopping:
            self.notice = "Stopping: calls under way get some seconds to end. Stop again to cancel them."
        self.set_trait("stopping", True)

    # Results and past runs ----------------------------------------------------------------------------------------------------

    def _show(self, saved: SavedRun) -> None:
        self.saved = saved
        self.set_trait("results", result_sections(saved))
        self.snapshot()

    def folder(self) -> Path:
        """Where runs are that name no folder of their own."""
        return benchmarks_folder(self._ai.runtime.home)

    def refresh(self) -> Work[None]:
        """Read anew who is configured and which runs there are. `await` it to wait for the list."""
        self._offer()
        return self._look_back()

    def _look_back(self) -> Work[None]:
        return self.owner.start(self._read_history())

    async def _read_history(self) -> None:
        async with self._looking:  # one after the other: a slow earlier look must not replace what a later one found
            found, unreadable = await asyncio.to_thread(past_runs, self.folder())
            self.set_trait("past", [{"name": run.name, "service": run.service, "words": _choice(run)} for run in found])
            self.set_trait("history", [history_section(found, unreadable)])

    def show(self, name: str) -> Work[None]:
        """Show a past run by its name or folder; "latest" is the newest. An error goes into the panel.

        Raises:
            InvalidRequestError: a run is going on.
        """
        if self.running:
            raise InvalidRequestError("a run is going on; its results come here.", hint="Wait, or stop it.")
        return self._reading(lambda: find(name, self.folder()), self._show)

    def compare(self, run: str, baseline: str) -> Work[None]:
        """Compare two past runs by their names or folders; see `viralai_sdk.bench.compare`. An error goes into the panel."""

        def judged() -> tuple[list[Verdict], str, str]:
            new, old = find(run, self.folder()), find(baseline, self.folder())
            return compare(new, old), new.name, old.name

        def show(found: tuple[list[Verdict], str, str]) -> None:
            self.set_trait("verdicts", [verdict_section(*found)])
            self.snapshot()

        return self._reading(judged, show)

    def _reading(self, read: Callable[[], Any], show: Callable[[Any], None]) -> Work[None]:
        begun = self._begun

        async def work() -> None:
            async with self._looking:
                try:
                    found = await asyncio.to_thread(read)
                except AIError as error:
                    self.show_error(error)
                else:
                    self.clear_error()
                    if begun == self._begun:  # a run that began meanwhile shows its own
                        show(found)

        return self.owner.start(work())

    # The page -----------------------------------------------------------------------------------------------------------------

    def on_message(self, kind: str, content: dict[str, Any], buffers: list[bytes]) -> None:
        """Buttons."""
        if kind == "run":
            self.start()
        elif kind == "stop":
            self.stop()
        elif kind == "compare":
            self.compare(str(content.get("run")), str(content.get("baseline")))
        elif kind == "act" and content.get("act") == "show":
            self.show(str(content.get("key")))
        elif kind == "refresh":
            self.refresh()
        else:
            super().on_message(kind, content, buffers)

    # Readers without a kernel -------------------------------------------------------------------------------------------------

    def static_html(self) -> Html:
        """What was asked, how far it is, the results and the comparison."""
        return static_html(self)

    def static_text(self) -> str:
        """One line, and the first figures."""
        return static_text(self)


def past_runs(folder: Path) -> tuple[list[SavedRun], list[str]]:
    """The newest finished runs of a folder, the newest first, and why others cannot be read."""
    found: list[SavedRun] = []
    unreadable: list[str] = []
    for name in names_in(folder)[: -RUNS_SHOWN - 1 : -1]:
        try:
            found.append(load(folder / name))
        except AIError as error:
            unreadable.append(error_words(error)["message"])
    return sorted(found, key=lambda run: str(run.summary["began"]), reverse=True), unreadable


def _choice(run: SavedRun) -> str:
    arms = ", ".join(arm["arm"] for arm in run.summary["arms"])
    return label(f"{run.name} · {arms}", 120)
