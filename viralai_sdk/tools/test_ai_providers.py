"""Call every provider's every service once, at the simulator or, with --live, for real.

`python -m viralai_sdk.tools.test_ai_providers [--service=image] [--live]`; also as `viralai providers test`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any

from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.interfaces.names import service_type
from viralai_sdk.providers import registry
from viralai_sdk.testing.samples import SUBJECTS
from viralai_sdk.testing.tryout import Pair, Tried, configured, simulated, try_all
from viralai_sdk.tools import console

CALLS_OF_A_FULL_RUN = 4
"""Calls that the checks pay for at most, beside the first one, at a live provider."""


def configure(parser: argparse.ArgumentParser, *, full: bool) -> None:
    """Describe the arguments. `full` is the default of --full."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="providers to test (default: all)")
    parser.add_argument("--all", action="store_true", help="all providers; the same as naming none")
    parser.add_argument("--service", metavar="SERVICE", help="only text, image, video or speech")
    parser.add_argument("--live", action="store_true", help="call the real vendors with your configuration and keys")
    parser.add_argument("--yes", action="store_true", help="with --live: do not ask before spending money")
    parser.add_argument(
        "--full", action=argparse.BooleanOptionalAction, default=full, help="also run every check of AIProviderTestCase"
    )


def run(
    args: argparse.Namespace,
    say: Callable[[object], None],
    *,
    ask: Callable[[str], bool] | None = None,
    make: Callable[[], ViralAI] = ViralAI,
) -> dict[str, Any]:
    """Do the work; `say` gets the lines for people.

    Args:
        ask: asked before money is spent.
        make: makes the client of a live run.

    Returns:
        {"ok", "live", "results", "not_simulated"}

    Raises:
        ConfigurationError, InvalidRequestError: an unknown provider or service, names together with --all, or nothing to test.
    """
    if args.all and args.names:
        raise InvalidRequestError("--all and names exclude each other.", hint="Give one of them.")
    if args.live:
        return _live(args, say, ask or _ask, make)
    with simulated(args.names) as (ai, able, unplayed):
        pairs = _of_service(able, args.service, unplayed)
        results = asyncio.run(_try(ai, pairs, args, say))
    for name in unplayed:
        say(f"{name:<12} not tested: nobody simulates it, it needs {_needs(name)}; --live calls it for real")
    return _outcome(results, unplayed, args, say)


def _live(
    args: argparse.Namespace, say: Callable[[object], None], ask: Callable[[str], bool], make: Callable[[], ViralAI]
) -> dict[str, Any]:
    ai = make()
    try:
        pairs = _of_service(configured(ai, args.names), args.service)
        price = _show_price(ai, pairs, args, say)
        if price and not args.yes and not ask("Call them? [y/N] "):
            raise InvalidRequestError("nothing was called.", hint="--yes answers the question beforehand.")
        results = asyncio.run(_try(ai, pairs, args, say))
    finally:
        ai.runtime.close()
    return _outcome(results, [], args, say)


def _show_price(ai: ViralAI, pairs: Sequence[Pair], args: argparse.Namespace, say: Callable[[object], None]) -> bool:
    """Say what the calls are expected to cost; False when they are known to cost nothing."""
    times = 1 + CALLS_OF_A_FULL_RUN if args.full else 1
    known, unknown = 0.0, 0
    for name, kind in pairs:
        price = ai.plan(kind, SUBJECTS[kind], provider=name, fallback=False).routes[0].price_usd
        shown = "price unknown" if price is None else dollars(price * times)
        say(f"{name:<12} {kind.short:<7} {shown}" + (f" for up to {times} calls" if times > 1 else ""))
        known, unknown = known + (price or 0.0) * times, unknown + (price is None)
    more = f", and {unknown} of unknown price" if unknown else ""
    say(f"expected to cost {dollars(known)}{more}")
    return bool(known or unknown)


def _of_service(pairs: Sequence[Pair], service: str | None, unplayed: Sequence[str] = ()) -> list[Pair]:
    chosen = [pair for pair in pairs if service is None or pair[1] is service_type(service)]
    if not chosen and unplayed:
        needs = "; ".join(f"{name} needs {_needs(name)}" for name in unplayed)
        raise ConfigurationError(
            f"nobody simulates {', '.join(unplayed)}.", hint=f"{needs}. Configured, --live tests it."
        )
    if not chosen:
        raise ConfigurationError(
            "there is nothing to test.",
            hint="No provider that was named has this service, a simulated vendor or a key.",
        )
    return chosen


def _needs(name: str) -> str:
    return registry.spec_of(name).needs


async def _try(
    ai: ViralAI, pairs: Sequence[Pair], args: argparse.Namespace, say: Callable[[object], None]
) -> list[Tried]:
    try:
        return await try_all(ai, pairs, full=args.full, live=args.live, tell=say)
    finally:
        await ai.aclose()


def _outcome(
    results: Sequence[Tried], unplayed: Sequence[str], args: argparse.Namespace, say: Callable[[object], None]
) -> dict[str, Any]:
    bad = [result for result in results if not result.ok]
    seconds = sum(result.seconds for result in results)
    say(f"{len(results) - len(bad)} of {len(results)} ok, {seconds:.1f} s of calls")
    return {
        "ok": not bad,
        "live": args.live,
        "results": [result.row() for result in results],
        "not_simulated": list(unplayed),
    }


def _ask(question: str) -> bool:
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command module. 0: all work, 1: one does not, 2: wrong use, 130: Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m viralai_sdk.tools.test_ai_providers", description=(__doc__ or "").strip()
    )
    configure(parser, full=True)
    args = parser.parse_args(arguments)
    return console.exit_code(lambda: bool(run(args, console.say)["ok"]))


if __name__ == "__main__":
    sys.exit(main())
