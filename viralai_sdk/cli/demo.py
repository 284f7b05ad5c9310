"""`viralai demo`: one of each, made on this machine, and a page that shows them."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from viralai_sdk.cli.project import add_json

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output

INDEX, MANIFEST = "index.html", "manifest.json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.description = (
        "Make a text, a picture, two pictures side by side, a spoken sentence and a short narrated film with the embedded engines. "
        "They work by rules: no key, no model, no network, nothing is paid, whatever is configured. "
        "The folder then holds the files, index.html and manifest.json."
    )
    parser.add_argument("--out", type=Path, default=Path("demo_out"), metavar="DIR", help="(default: demo_out)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output) -> int:
    """Make the demo."""
    from viralai_sdk.cli.demo_manifest import manifest
    from viralai_sdk.cli.demo_page import page
    from viralai_sdk.store.files import write_atomic

    started = time.perf_counter()
    out: Path = args.out.absolute()
    refuse_foreign(out)
    with staging(out) as work:
        items = asyncio.run(_made(work, output))
        document = manifest(items, seconds=time.perf_counter() - started)
        html = page(document, items)
        # Everything exists now; what is left are renames, the index last, so that it never shows what is not there.
        (out / INDEX).unlink(missing_ok=True)
        for item in items:
            item.move(out)
        write_atomic(out / MANIFEST, json_bytes(document))
        write_atomic(out / INDEX, html.encode())
    output.result({"out": str(out), "index": str(out / INDEX), **document})
    output.say(f"Made in {document['seconds']:.1f} s, by rules, not by an AI model: {len(items)} files in {out}")
    output.say(f"Open this page: {(out / INDEX).as_uri()}")
    return 0


def refuse_foreign(out: Path) -> None:
    """Refuse a folder in which the demo would replace files that it did not make.

    Raises:
        InvalidRequestError: there is one.
        StorageError: one cannot look into it.
    """
    from viralai_sdk.cli.demo_items import ASKS
    from viralai_sdk.interfaces.errors import InvalidRequestError
    from viralai_sdk.store.files import storage_error

    try:
        if not out.is_dir() or _is_demo(out):
            return
        names = {ask.name for ask in ASKS}
        taken = [path.name for path in out.iterdir() if path.name in (INDEX, MANIFEST) or path.stem in names]
    except OSError as error:
        raise storage_error("look into", out, error) from error
    if taken:
        raise InvalidRequestError(
            f"{str(out)!r} holds {min(taken)!r}, which no demo made.", hint="Give another folder with --out."
        )


def _is_demo(out: Path) -> bool:
    import json

    try:
        document = json.loads((out / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and str(document.get("made_with", "")).startswith("viralai-sdk ")


async def _made(work: Path, output: Output) -> list[Item]:
    from viralai_sdk.cli.demo_items import make
    from viralai_sdk.client import ViralAI
    from viralai_sdk.config.configuration import AIConfiguration

    # An empty configuration: whatever keys and files this machine has, the demo must not spend anything.
    ai = ViralAI(AIConfiguration(), home=work)
    try:
        return [item async for item in make(ai, work, output.note)]
    finally:
        try:
            await ai.aclose()
        finally:
            ai.runtime.close()  # or its journal would come again after its folder is gone


@contextlib.contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A folder inside `out`, on the same disk, in which everything is made; it is gone afterwards.

    Raises:
        StorageError: `out` cannot be made or written.
    """
    from viralai_sdk.store.files import storage_error

    new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".viralai-", dir=out))
    except OSError as error:
        raise storage_error("write into", out, error) from error
    try:
        yield work
    except BaseException:
        shutil.rmtree(out if new else work, ignore_errors=True)
        raise
    shutil.rmtree(work, ignore_errors=True)


def json_bytes(document: object) -> bytes:
    """JSON for a file."""
    import json

    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


if TYPE_CHECKING:
    from viralai_sdk.cli.demo_items import Item
