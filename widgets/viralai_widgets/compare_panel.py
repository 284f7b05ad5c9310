"""`ComparePanel`: the same prompt at several providers, side by side, with a blind vote."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from viralai_sdk.compare.arms import Arm, ArmLike
from viralai_sdk.compare.arms import arms as read_arms
from viralai_sdk.compare.run import ComparisonRun
from viralai_sdk.interfaces.display import Html, label
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError
from viralai_sdk.interfaces.names import AIServiceType, service_type
from viralai_widgets.assets import VIEWERS
from viralai_widgets.compare_static import sealed, static_html, static_text
from viralai_widgets.media import MediaShelf, Medium, prepare
from viralai_widgets.owner import Owner, Work
from viralai_widgets.pairs import Pairs, reveal
from viralai_widgets.panel import Panel, error_words
from viralai_widgets.parameters import arguments_of, fields_of
from viralai_widgets.provider_picker import SERVICE_NAMES, offers
from viralai_widgets.run_view import RunView

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI
    from viralai_sdk.compare.comparison import Comparison

ESTIMATE_SECONDS = 0.3
"""After the last change of the form."""
_NAMELESS_PROBLEM = (
    "It could not be run like this. Why would tell names, so it is told when all pairs have their votes."
)
_FORM = ("service", "prompt", "value", "variants", "parameters", "options", "repeats")


class ComparePanel(Panel):
    """Compare providers: prompt, arms and parameters; run and stop; results side by side; blind votes and their verdict.

    >>> panel = ComparePanel(ai, "image", providers=["openai", "gemini"], prompt="a red fox in the snow")
    >>> panel                      # shows it
    >>> await panel.run()          # the same as its Run button

    Attributes:
        service, prompt, repeats, parameters, options: the form. `options` is JSON text of further parameters.
        value: specs of the chosen providers, as in `ProviderPicker`.
        variants: further arms as data (`Arm.to_dict()`): templates, styles, voices, seeds. Set them with `arms=`.
        hide_names: pairs come in random order, and nothing that the page holds tells who made what until the vote is stored.
        sealed: blind votes are open. The form is folded to a line without names then, and the estimate tells of no arm. What remains
            in the panel's state is what the user has chosen: `value` and `variants` (not on which side anything stands).
        running: a run is going on.
        estimate, progress, shown, votes: what the page shows; read them, do not set them.
        comparison: the latest `Comparison`, None before the first run.

    Args:
        ai: the client whose providers are compared.
        service: what is made.
        providers: specs that are chosen at first.
        arms: further alternatives, as `ai.compare` takes them.
        rater: whose votes these are.
        rng: a seeded one makes the order of blind pairs repeatable.
    """

    assets: ClassVar[tuple[str, ...]] = (
        "provider-picker",
        *VIEWERS,
        "compare-form",
        "voting",
        "compare-panel",
    )

    service = traitlets.Enum(SERVICE_NAMES, "image").tag(sync=True)
    services = traitlets.List(traitlets.Unicode(), list(SERVICE_NAMES)).tag(sync=True)
    prompt = traitlets.Unicode("").tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    value = traitlets.List(traitlets.Unicode()).tag(sync=True)
    multiple = traitlets.Bool(True).tag(sync=True)
    variants = traitlets.List(traitlets.Dict()).tag(sync=True)
    fields = traitlets.List(traitlets.Dict()).tag(sync=True)
    parameters = traitlets.Dict().tag(sync=True)
    options = traitlets.Unicode("").tag(sync=True)
    repeats = traitlets.Int(1, min=1, max=50).tag(sync=True)
    hide_names = traitlets.Bool(False).tag(sync=True)
    sealed = traitlets.Bool(False, read_only=True).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    estimate = traitlets.Dict().tag(sync=True)
    progress = traitlets.List(traitlets.Dict()).tag(sync=True)
    made = traitlets.Unicode("", help="The service of the results.").tag(sync=True)
    shown = traitlets.Dict().tag(sync=True)
    votes = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        ai: ViralAI,
        service: AIServiceType | str = "image",
        providers: Iterable[str] = (),
        *,
        arms: Iterable[ArmLike] = (),
        rater: str = "me",
        rng: random.Random | None = None,
        owner: Owner | None = None,
        **state: Any,
    ) -> None:
        self._ai = ai
        self._rater = rater
        self._rng = rng
        self._prompts: Any = None
        self._run: ComparisonRun | None = None
        self._work: Work[Comparison] | None = None
        self._pairs: Pairs | None = None
        self._ending = "Finished"
        self._shelf = MediaShelf()
        self._estimate_due: asyncio.TimerHandle | None = None
        self._previous_verdict: Work[None] | None = None
        self.comparison: Comparison | None = None
        title, parameters = state.pop("title", "Comparison"), state.pop("parameters", {})
        super().__init__(owner=owner, title=title, service=service_type(service).short, **state)
        self._view = RunView(self)
        self._offer()
        self.value = list(providers)
        self.variants = [arm.to_dict() for arm in read_arms(arms)] if arms else []
        self.parameters = parameters  # after the service, which empties them

    # The form -----------------------------------------------------------------------------------------------------------------

    def _offer(self) -> None:
        self.rows, self.fields = offers(self._ai, self.service), fields_of(self.service)

    @traitlets.observe("service")
    def _other_service(self, _change: Any) -> None:
        self.value, self.variants, self.parameters = [], [], {}
        self._offer()

    @traitlets.validate("value")
    def _known(self, proposal: Any) -> list[str]:
        chosen = list(dict.fromkeys(spec.strip() for spec in proposal["value"] if spec.strip()))
        for spec in chosen:
            self._ai.manager.parse(spec, service_type(self.service))  # refuses unknown names in words that help
        return chosen

    @traitlets.observe(*_FORM)
    def _form_changed(self, _change: Any) -> None:
        self.owner.call(self._plan_estimate)

    def _plan_estimate(self) -> None:
        if self._estimate_due is not None:
            self._estimate_due.cancel()
        self._estimate_due = self.owner.loop.call_later(ESTIMATE_SECONDS, self.reckon)

    def arms(self) -> list[ArmLike]:
        """The alternatives as chosen: providers first, then variants."""
        return [*self.value, *(Arm(**variant) for variant in self.variants)]

    def _asked(self) -> dict[str, Any]:
        """Arguments for `ai.compare`.

        Raises:
            InvalidRequestError: the form is incomplete or wrong.
        """
        prompt = self._prompts if self._prompts is not None else self.prompt.strip()
        if not prompt:
            raise InvalidRequestError("there is no prompt yet.", hint="Write one above.")
        if len(self.arms()) < 2:
            raise InvalidRequestError("a comparison needs two arms.", hint="Choose providers or models.")
        given = arguments_of(self.service, self.parameters, self.options)
        return {"prompt": prompt, "arms": self.arms(), "repeats": self.repeats, **given}

    def use_prompts(self, prompts: Any) -> None:
        """Compare over several prompts: a list, or a mapping of ids to texts. None goes back to the one in the panel."""
        self._prompts = prompts
        self._form_changed(None)

    def reckon(self) -> None:
        """Work out what a run would cost. Nothing is sent."""
        self._estimate_due = None
        try:
            asked = self._asked()
            plan = self._ai.compare.plan(self.service, asked.pop("prompt"), **asked)
        except AIError as error:
            words = error_words(error)
            problem = f"{words['message']} {words['hint']}".strip()
            self.estimate = {"words": "", "rows": [], "problem": _NAMELESS_PROBLEM if self.sealed else problem}
            return
        arms = [] if self.sealed else plan.arms
        rows = [{name: str(value) for name, value in arm.row().items()} for arm in arms]
        self.estimate = {"words": plan.words, "rows": rows, "problem": ""}

    # Running ------------------------------------------------------------------------------------------------------------------

    def start(self) -> Work[Comparison]:
        """Begin a run and come back at once; the button Run does this. `await` what it gives, or leave it.

        Raises:
            InvalidRequestError: a run is going on.
        """
        if self._work is not None and not self._work.done:
            raise InvalidRequestError("a run is going on.", hint="Stop it first, or wait.")
        self._work = self.owner.start(self._go(), self._ended)
        return self._work

    async def run(self) -> Comparison:
        """Run what the form says and wait for it. The panel stays alive meanwhile.

        Interrupting the cell stops the run; what was finished is kept and shown.

        Raises:
            AIError: nothing could be started; the panel shows it as well. One arm's failure is a cell, not an error.
        """
        work = self.start()
        try:
            return await work
        except asyncio.CancelledError:
            if not work.done:
                self._ending = "Interrupted, so the run was stopped"
                self.notice = f"{self._ending}."
                self.stop()
            raise

    async def _go(self) -> Comparison:
        self.clear_error()
        asked = self._asked()
        run = self._ai.compare.start(self.service, asked.pop("prompt"), **asked)
        self._run, self.comparison, self._pairs, self._ending = run, run.comparison, None, "Finished"
        self._shelf.clear()
        self.running, self.shown, self.votes, self.notice = True, {}, {}, "Running."
        self._seal()
        self._view.follow(run)
        try:
            return await run
        finally:
            self._view.draw()
            self.running = False
            self._show_results()

    def _ended(self, work: Work[Comparison]) -> None:
        try:
            comparison = work.result(0)
        except asyncio.CancelledError:
            self.notice = "Stopped; what was finished is kept."  # the loop itself is being closed
        except BaseException as error:
            self.show_error(error)
        else:
            self.notice = f"{self._ending}: {comparison.caption()}."
        self.snapshot()

    def stop(self, arm: str | None = None) -> None:
        """Stop one arm by its name, or everything, at the providers too. Harmless when nothing runs. From any thread."""
        if self._run is not None and not self._run.done:
            if arm is None and self._ending == "Finished":
                self._ending = "Stopped"
            self._run.cancel(arm=arm)
        elif arm is None:
            self.owner.call(self._stop_before_it_begins)

    def _stop_before_it_begins(self) -> None:
        """A run that was asked for takes its first step a moment later; until then nothing is sent and nothing is paid."""
        if self._work is None or self._work.done:
            return
        if not self.running:
            self._work.cancel()
        elif self._run is not None and not self._run.done:
            self.stop()  # it has begun meanwhile

    # Results and votes --------------------------------------------------------------------------------------------------------

    def _show_results(self) -> None:
        if self.comparison is not None:
            self._pairs = Pairs(self.comparison, blind=self.hide_names, rng=self._rng)
            self._shelf.clear()
            self.made = self.comparison.service.short
            self._tell()

    @traitlets.observe("hide_names")
    def _hidden(self, _change: Any) -> None:
        if not self.running and self.comparison is not None:
            self._view.draw()
            self._show_results()
        self._seal()
        self.snapshot()

    def _seal(self) -> None:
        """Blind votes begin or end: names leave the estimate, or come back into it."""
        open_ = self.hide_names if self.running else sealed(self.comparison, self._pairs)
        if open_ != self.sealed:
            self.set_trait("sealed", open_)
            if open_:
                self.estimate = {**self.estimate, "rows": [], "problem": ""}
            self._form_changed(None)

    def _tell(self) -> None:
        """Show the pair, and what may be said of the votes: while blind pairs are left, nobody is named as leading."""
        pairs = self._pairs
        assert pairs is not None
        self.shown = pairs.page()
        self._seal()
        self._previous_verdict = self.owner.start(self._say_verdict(pairs))
        self.snapshot()

    async def _say_verdict(self, pairs: Pairs) -> None:
        comparison = pairs.comparison
        count = len(comparison.judgements())
        words = state = ""
        if count and len(comparison.arms) > 1:
            try:
                verdict = await asyncio.to_thread(comparison.winner)  # its first use imports scipy
                words, state = str(verdict.words), str(verdict.state)
            except AIError as error:
                words = str(error)
        if self._pairs is pairs and len(comparison.judgements()) == count:
            hidden = pairs.blind and pairs.voted < len(pairs)
            self.votes = {"count": count, "state": state, "words": "" if hidden else label(words, 600)}
            self.snapshot()

    def vote(self, choice: str) -> None:
        """Vote on the shown pair: left (1), right (2), tie (3), both_bad (0) or abstain. It is on disk when this returns.

        Raises:
            InvalidRequestError: no pair is shown, or there is no such answer.
            StorageError: it could not be stored; nothing is revealed then.
        """
        pairs = self._judging()
        shown = pairs.shown
        if shown is None:
            raise InvalidRequestError("there is no pair to vote on.")
        if shown.choice is not None:
            raise InvalidRequestError("this pair has its vote.", hint="Undo it first, or go on to the next pair.")
        judgement = pairs.comparison.vote(
            choice, shown.left.arm, shown.right.arm, prompt=shown.left.prompt, rater=self._rater
        )
        pairs.vote(judgement.choice)
        self.notice = reveal(shown)
        self._tell()

    def undo(self) -> None:
        """Take back the latest vote and show its pair again.

        Raises:
            InvalidRequestError: there is none.
        """
        pairs = self._judging()
        if not pairs.voted:
            raise InvalidRequestError("there is no vote to undo.")
        pairs.comparison.undo(self._rater)
        pairs.undo()
        self.notice = "The vote is taken back."
        self._tell()

    def _judging(self) -> Pairs:
        if self._pairs is None:
            raise InvalidRequestError("there are no results yet.", hint="Run a comparison first.")
        return self._pairs

    def export(self, path: str | Path | None = None) -> Path:
        """Write the comparison as one HTML file that needs nothing else; gives its path.

        Raises:
            InvalidRequestError: there are no results yet.
        """
        if self.comparison is None:
            raise InvalidRequestError("there are no results yet.", hint="Run a comparison first.")
        target = Path(path) if path is not None else Path(f"{self.comparison.id}.html")
        self.comparison.to_html(target)
        self.notice = f"Written to {label(target)}."
        return target

    # The page -----------------------------------------------------------------------------------------------------------------

    def on_message(self, kind: str, content: dict[str, Any], buffers: list[bytes]) -> None:
        """Buttons, keys and the page's wishes for media."""
        if kind == "run":
            self.start()
        elif kind == "stop":
            self.stop(self._view.arm_of(content["id"]) if content.get("id") else None)
        elif kind == "vote":
            self.vote(str(content.get("choice")))
        elif kind == "undo":
            self.undo()
        elif kind == "step":
            self._judging().step(1 if content.get("by", 1) >= 0 else -1)
            self._tell()
        elif kind == "show":
            place = self._judging()
            place.show(str(content["left"]), str(content["right"]), str(content["prompt"]), int(content["repeat"]))
            self._tell()
        elif kind == "export":
            self.export()
        elif kind == "refresh":
            self._offer()
        elif kind == "want":
            for token in list(content.get("ids", ()))[:4]:
                self.owner.start(self._send_medium(str(token)))
        else:
            super().on_message(kind, content, buffers)

    async def _send_medium(self, token: str) -> None:
        pairs = self._pairs
        cell = pairs.cell(token) if pairs is not None else None
        if pairs is None or cell is None:
            return  # of an older comparison
        try:
            medium = await self._shelf.get(token, lambda: prepare(cell, blind=pairs.blind))
        except AIError as error:
            failed: Mapping[str, Any] = error_words(error)
            if pairs.blind:  # words about a file could tell whose it is
                failed = {"type": failed["type"], "message": "This result cannot be shown masked.", "billed": "no"}
            self.send({"kind": "medium", "id": token, "error": failed})
            return
        self.send_medium("medium", token, medium)

    def send_medium(self, kind: str, token: str, medium: Medium) -> None:
        """Bytes to the page, beside the message and not in it."""
        message = {"kind": kind, "id": token, "media_type": medium.media_type, "text": medium.text}
        self.send(message, [medium.data] if medium.data else None)

    # Readers without a kernel -------------------------------------------------------------------------------------------------

    def static_html(self) -> Html:
        """The results, or what is known of them while names are hidden."""
        return static_html(self.service, self.prompt, self.comparison, self._pairs, self.votes)

    def static_text(self) -> str:
        """One line and, when it may be seen, the table."""
        return static_text(self.service, self.comparison, self._pairs, self.votes)
