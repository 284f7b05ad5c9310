"""`viralai generate`: one call of one service."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.cli.project import add_project, client

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output
    from viralai_sdk.client import ViralAI
    from viralai_sdk.interfaces.responses import Response

_TAIL = ("provider", "model", "timeout", "fallback", "options")
_EXAMPLES = {
    "text": """\
examples:
  viralai generate text "Write 5 hooks for a video about winter hiking"
  cat article.txt | viralai generate text - --system "Summarize in three sentences." --stream
  viralai generate text "A clip about a fox" --schema clip.schema.json --json""",
    "image": """\
examples:
  viralai generate image "a red fox in the snow" --style watercolor --seed 7 --out fox.png
  viralai generate image "a red fox in the snow" --provider openai:gpt-image-2.5-flare
  viralai generate image "a red fox in the snow" --dry-run        what it would do and cost; nothing is sent""",
    "video": """\
examples:
  viralai generate video "a fox in the snow, then a frozen river" --duration 6 --narration "The fox goes home." --out fox.mp4
  viralai generate video "a lighthouse at dusk" --platform tiktok""",
    "speech": """\
examples:
  viralai generate speech "The fox goes home." --language en-us --out fox.wav
  cat script.txt | viralai generate speech - --speed 1.1 --out script.mp3""",
}
_ABOUT = {
    "text": "Print the answer on stdout; remarks and the price go to stderr.",
    "image": "Print the path of every picture; --out puts a copy where you want it.",
    "video": "Make a film, wait for it, print its path. A job whose provider goes on after Ctrl-C is collected by `viralai jobs resume`.",
    "speech": "Speak a text and print the recording's path.",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    services = parser.add_subparsers(title="services", metavar="SERVICE", dest="service", required=True)
    for service, fields in (("text", _text), ("image", _image), ("video", _video), ("speech", _speech)):
        one = services.add_parser(service, help=_ABOUT[service], description=_ABOUT[service], epilog=_EXAMPLES[service])
        word = "text" if service == "speech" else "prompt"
        one.add_argument("subject", metavar=word.upper(), help=f"the {word}; - reads it from stdin")
        fields(one.add_argument_group("what is asked"))
        _tail(one.add_argument_group("who serves it, and where it goes"))
        add_project(one)
        one.set_defaults(run=run)


def _text(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--system", help="how to behave")
    group.add_argument(
        "--image", dest="images", action="append", metavar="FILE", help="a picture to look at; may be repeated"
    )
    group.add_argument("--schema", type=_schema, metavar="FILE", help="JSON schema that the answer must follow")
    group.add_argument("--max-tokens", type=int, metavar="N", help="longest answer")
    group.add_argument("--temperature", type=float, metavar="X", help="0 to 2")
    group.add_argument("--top-p", type=float, metavar="X", help="0 to 1")
    group.add_argument("--stop", action="append", metavar="TEXT", help="ends the answer; may be repeated")
    group.add_argument("--seed", type=int, metavar="N", help="for repeatable answers")
    group.add_argument("--stream", action="store_true", help="print the answer as it comes")


def _image(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--style", help="such as watercolor, neon, poster")
    group.add_argument("--aspect-ratio", metavar="W:H", help="such as 16:9 (default: 1:1)")
    group.add_argument("--negative-prompt", metavar="TEXT", help="what it must not show")
    group.add_argument("--num-images", type=int, metavar="N", help="how many (default: 1)")
    group.add_argument("--width", type=int, metavar="PX")
    group.add_argument("--height", type=int, metavar="PX")
    group.add_argument("--seed", type=int, metavar="N", help="same seed, same picture, where the provider has that")
    group.add_argument(
        "--reference",
        dest="reference_images",
        action="append",
        metavar="FILE",
        help="a picture to start from; may be repeated",
    )
    group.add_argument("--mask", metavar="FILE", help="picture whose transparent part may change; needs --reference")


def _video(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--duration", type=float, metavar="SECONDS", help="(default: 5)")
    group.add_argument("--aspect-ratio", metavar="W:H", help="such as 9:16 (default: the platform's, else 16:9)")
    group.add_argument("--platform", help="tiktok, youtube_shorts, …: sets ratio, size and frame rate")
    group.add_argument("--resolution", help="720p, 1080p, … or 1280x720")
    group.add_argument("--fps", type=int, metavar="N", help="frames a second")
    group.add_argument("--style", help="as for pictures")
    group.add_argument("--negative-prompt", metavar="TEXT", help="what it must not show")
    group.add_argument("--narration", metavar="TEXT", help="text to be spoken in the film, where the provider can")
    group.add_argument("--image", metavar="FILE", help="picture the film starts from")
    group.add_argument("--seed", type=int, metavar="N")


def _speech(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--voice", dest="voice_id", metavar="ID", help="one of the provider's voices")
    group.add_argument("--language", metavar="TAG", help="such as en, en-us, pt-BR (default: en)")
    group.add_argument("--speed", type=float, metavar="X", help="1.0 is the voice's own")
    group.add_argument("--pitch", type=float, metavar="X", help="semitones, -20 to 20")
    group.add_argument(
        "--format", dest="output_format", metavar="NAME", help="wav, mp3, opus, … (default: as --out ends, else wav)"
    )
    group.add_argument("--instructions", metavar="TEXT", help="how to say it, where the provider understands that")


def _tail(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--provider", metavar="SPEC", help="who serves it: openai, openai:gpt-image-2.5-flare, embedded, …"
    )
    group.add_argument("--model", metavar="NAME", help="its model (default: the configured one, else the catalog's)")
    group.add_argument("--timeout", type=float, metavar="SECONDS", help="for one attempt")
    group.add_argument(
        "--no-fallback",
        dest="fallback",
        action="store_const",
        const=False,
        help="stay with the first provider of the chain",
    )
    group.add_argument(
        "--option",
        dest="options",
        action="append",
        type=_option,
        metavar="KEY=VALUE",
        help="a vendor's own field; may be repeated",
    )
    group.add_argument("--dry-run", action="store_true", help="show the plan and the price; send nothing")
    group.add_argument("--out", type=Path, metavar="FILE", help="also put the result here; a folder keeps its own name")
    group.add_argument("--session", metavar="ID", help="file the result in this session (default: a new one)")


def _option(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _schema(path: str) -> dict[str, Any]:
    try:
        value = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"cannot read the schema {path!r}: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{path!r} holds no JSON schema")
    return value


def run(args: argparse.Namespace, output: Output) -> int:
    """Make the call and show what came of it."""
    if args.subject == "-":
        args.subject = _stdin()
    asyncio.run(_run(args, output))
    return 0


def _stdin() -> str:
    from viralai_sdk.interfaces.errors import InvalidRequestError

    try:
        return sys.stdin.buffer.read().decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"stdin is not UTF-8 text (byte {error.start}).") from error


async def _run(args: argparse.Namespace, output: Output) -> None:
    from viralai_sdk.cli import deliver

    if args.out is not None:
        deliver.check(args.out)  # before anything is paid for
    given = _parameters(args)
    async with client(args) as ai:
        helper = getattr(ai, args.service)
        if args.dry_run:
            plan = await helper(args.subject, dry_run=True, **given)
            output.result(dataclasses.asdict(plan) | {"price_range": plan.price_range})
            output.say(plan)
            return
        stream = getattr(args, "stream", False)
        if stream:
            response = await _stream(ai, args, given, output)
        else:
            response = await helper(args.subject, **given)
            output.rescue(functools.partial(deliver.put_aside, response, ai.session.dir))
        _show(args, response, output, ai.session.dir, streamed=stream)


async def _stream(ai: ViralAI, args: argparse.Namespace, given: dict[str, Any], output: Output) -> Response:
    from viralai_sdk.cli import deliver
    from viralai_sdk.interfaces.errors import StorageError

    response: Response | None = None
    unread: StorageError | None = None
    async for chunk in ai.text.stream(args.subject, **given):
        try:
            output.write(chunk.text)
        except StorageError as error:
            unread = error  # the rest is paid for all the same: it is read to its end and put aside
        response = chunk.response or response
    assert response is not None
    if unread is not None:
        unread.rescued = deliver.put_aside(response, ai.session.dir)
        raise unread
    output.rescue(functools.partial(deliver.put_aside, response, ai.session.dir))
    output.say("")
    return response


def _parameters(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments that were given, under the helper's names."""
    other = {"subject", "service", "command", "run", "json", "config", "home", "session", "out", "dry_run", "stream"}
    given = {name: value for name, value in vars(args).items() if name not in other and value is not None}
    if "options" in given:
        given["options"] = dict(given["options"])
    ending = args.out.suffix.lower().removeprefix(".") if args.out is not None else ""
    if args.service == "speech" and ending and "output_format" not in given:
        given["output_format"] = ending
    return given


def _show(args: argparse.Namespace, response: Response, output: Output, session: Path, *, streamed: bool) -> None:
    from viralai_sdk.cli import deliver

    document = {
        "service": args.service,
        "caption": response.caption(),
        "files": [str(item.path) for item in response.artifacts],
        "response": response.model_dump(mode="json"),
    }
    output.result(document)
    text = deliver.words(response)
    if text is not None and not streamed and args.out is None:
        output.say(text)
    if args.out is not None:
        document["files"] = [str(path) for path in deliver.deliver(response, args.out, session)]
        output.result(document)
    for path in document["files"]:
        output.say(path)
    for warning in response.warnings:
        output.note(f"{warning.kind}{f' {warning.parameter}' if warning.parameter else ''}: {warning.message}")
    output.note(response.caption())
