"""`viralai sim`: the simulated vendors as a server."""

from __future__ import annotations

import argparse
import contextlib
import json
import threading
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.cli.project import add_json

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output
    from viralai_sdk.simulator import Recorded

PORT = 8765


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.description = (
        "Answer as the vendors' HTTP APIs do, on this machine only, with real media and without any bill. "
        "Write the matching configuration first, then serve:\n\n"
        "  viralai sim --print-config > viralai.yaml\n"
        "  viralai sim"
    )
    parser.add_argument("--port", type=_port, default=PORT, help=f"0 takes a free one (default: {PORT})")
    parser.add_argument(
        "--print-config", action="store_true", help="print a viralai.yaml for the simulated vendors, and do not serve"
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="RULE",
        help="what goes wrong, such as openai=429:0.3 (status, share), openai/images=empty, gemini=cut:0.1x5 (at most 5 times), *=503; "
        "ComfyUI's own surprises by name, such as comfyui=late_history",
    )
    parser.add_argument(
        "--latency",
        action="append",
        default=[],
        metavar="RULE",
        help="how long answers take, such as gemini=lognormal:800ms or *=fixed:50ms",
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="N",
        help="let the vendors' time run so much faster: films come sooner",
    )
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="add a line of JSON to this file for every request that was answered: vendor, method, path, status, seconds",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 to 65535")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed; give a number above 0, at most 1000")
    return speed


def run(args: argparse.Namespace, output: Output, stop: threading.Event | None = None) -> int:
    """Serve until Ctrl-C, or print the configuration."""
    simulator = _import()
    if args.print_config:
        config = configuration(args.port)
        output.result(config)
        output.write(_yaml(config))
        return 0
    server = simulator.Simulator(simulator.SimulatorConfig(speed=args.speed), port=args.port)
    _misbehave(server, args)
    with contextlib.ExitStack() as open_files:
        if args.log is not None:
            server.state.on_answer = _Log(open_files.enter_context(_opened(args.log)), output)
        _listen(server, args, output, stop)
    return 0


def _listen(server: Any, args: argparse.Namespace, output: Output, stop: threading.Event | None) -> None:
    try:
        server.start()
    except OSError as error:
        from viralai_sdk.cli.report import UsageError

        raise UsageError(
            f"cannot listen on port {args.port}: {error.strerror}.", hint="--port 0 takes a free one."
        ) from error
    try:
        _serve(server, output, stop or threading.Event())
    except KeyboardInterrupt:
        return  # the ordinary end of a server
    finally:
        server.stop()


def _opened(path: Path) -> FileIO:
    from viralai_sdk.store.files import storage_error

    try:
        return path.open("ab", buffering=0)
    except OSError as error:
        raise storage_error("write", path, error) from error


class _Log:
    """Writes a line for every answer. No header, body or query: keys travel there."""

    def __init__(self, file: FileIO, output: Output) -> None:
        self._file: FileIO | None = file
        self._output = output

    def __call__(self, entry: Recorded) -> None:
        if self._file is None:
            return
        line = {name: getattr(entry, name) for name in ("vendor", "method", "path", "status", "first", "seconds")}
        try:
            self._file.write(json.dumps(line).encode() + b"\n")
        except OSError as error:
            # The vendors go on: whoever is being served did nothing wrong.
            self._file = None
            self._output.note(f"viralai: the log ends here, it cannot be written: {error.strerror}.")


def _misbehave(server: Any, args: argparse.Namespace) -> None:
    from viralai_sdk.cli.report import UsageError
    from viralai_sdk.simulator.settings import add_latency, add_rule

    try:
        for rule in args.fault:
            add_rule(server, rule)
        for rule in args.latency:
            add_latency(server.faults, rule)
    except ValueError as error:
        raise UsageError(f"{error}.", hint="`viralai sim -h` shows examples.") from error


def _serve(server: Any, output: Output, stop: threading.Event) -> None:
    vendors = {name: server.url(name) for name in sorted(_bases())}
    output.result({"origin": server.origin, "key": server.key, "vendors": vendors})
    for name, url in vendors.items():
        output.say(f"{name:<12} {url}")
    output.say(f"{'key':<12} {server.key}")
    output.note("Ctrl-C ends it.")
    output.hand_over()  # whoever reads this must know the addresses while the server runs
    stop.wait()


def configuration(port: int) -> dict[str, Any]:
    """A configuration that sends every simulated vendor's calls to a simulator on this port.

    Raises:
        UsageError: port 0 stands for any port.
    """
    from viralai_sdk.cli.report import UsageError

    if port == 0:
        raise UsageError("a configuration needs a fixed port.", hint=f"--port {PORT}, for example.")
    key = _import().SimulatorConfig().key
    from viralai_sdk.simulator import settings

    return settings.configuration(f"http://127.0.0.1:{port}", key)


def _bases() -> dict[str, str]:
    from viralai_sdk.simulator.app import registry

    return {name: vendor.BASE for name, vendor in registry().items()}


def _import() -> Any:
    try:
        from viralai_sdk import simulator
    except ImportError as error:
        from viralai_sdk.interfaces.errors import ConfigurationError

        raise ConfigurationError(
            f"the simulator needs {error.name}, which is not installed.", hint='pip install "viralai-sdk[sim]"'
        ) from error
    return simulator


def _yaml(config: dict[str, Any]) -> str:
    import yaml

    return str(yaml.safe_dump(config, sort_keys=False))
