"""`viralai`: the command line. One module a command, imported only when it is the one that was asked for."""

from __future__ import annotations

import argparse
import importlib
import sys
import warnings
from collections.abc import Sequence

from viralai_sdk.cli.report import BROKEN_PIPE, INTERRUPTED, Output, Parser, UsageError, open_missing_streams, silence

COMMANDS = {
    "demo": "make one of each with the embedded engines: text, pictures, speech, a film, and a page that shows them",
    "generate": "make a text, a picture, a film or a recording with any provider",
    "compare": "ask several providers the same and see what comes of it, side by side",
    "providers": "who can serve what, and who does now",
    "bench": "measure providers: latency, throughput, failures, cost; with a notebook as the record, and a verdict",
    "models": "the models the SDK knows (prices, ends), and those of local servers: list, pull, load, unload, rm",
    "sessions": "results on disk, by session",
    "jobs": "long jobs: list them, collect those a dead process left behind, cancel them",
    "sim": "serve the vendors' HTTP APIs on this machine, for trying things without a key",
    "doctor": "look at this installation and say what to do next",
    "lab": "open JupyterLab on the tutorials",
}
_EPILOG = """\
start here:
  viralai demo                                    see what it does; needs no key
  viralai doctor                                  what is installed, which keys are found
  viralai generate image "a red fox in the snow"  one picture, by whoever is configured

Exit codes: 0 fine, 1 failed, 2 wrong use. With --json every command prints one JSON document on stdout, errors included.
VIRALAI_DEBUG=1 shows the traceback of an error; VIRALAI_PROGRESS=0 hides progress.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code: 0 fine, 1 failed, 2 wrong use, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    if argv is None:
        open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a question mark instead of breaking the command off.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    output = Output(as_json="--json" in words)
    if (
        argv is None
    ):  # the whole process is this command: what is warned of at its very end is shown in our form as well
        warnings.showwarning = output.warned
        return _guarded(words, output)
    with warnings.catch_warnings():
        warnings.showwarning = output.warned
        return _guarded(words, output)


def _guarded(words: list[str], output: Output) -> int:
    try:
        try:
            code = _run(words, output)
        except KeyboardInterrupt:
            code = output.interrupted()
        except SystemExit as end:  # argparse after -h or --version
            code = end.code if isinstance(end.code, int) else 0
        except BrokenPipeError:
            raise
        except Exception as error:
            code = output.failed(error)
        unwritten = output.close()
    except BrokenPipeError:  # whoever read our output has gone
        silence(sys.stdout)
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code or unwritten


def _run(words: list[str], output: Output) -> int:
    parser, wanted = _parser(words)
    args = parser.parse_args(words)
    if wanted is None:
        output.say(parser.format_help())
        raise UsageError("no command was given.", hint="`viralai demo` is a good start.")
    code: int = args.run(args, output)
    return code


def _parser(words: list[str]) -> tuple[Parser, str | None]:
    from viralai_sdk import __version__

    parser = Parser(
        prog="viralai",
        description="One interface over AI providers for text, images, video and speech.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"viralai-sdk {__version__}")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)  # each command describes it
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    wanted = next((word for word in words if not word.startswith("-")), None)
    if wanted is not None and wanted not in COMMANDS:
        from viralai_sdk.interfaces.names import suggest

        raise UsageError(f"there is no command {wanted!r}.", hint=suggest(wanted, COMMANDS, "`viralai -h` lists them."))
    for name, about in COMMANDS.items():
        command = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        if name == wanted:
            importlib.import_module(f"viralai_sdk.cli.{name}").configure(command)
    return parser, wanted
