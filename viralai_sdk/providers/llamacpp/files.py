"""GGUF files: found, and looked at before anything is started for them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError

HEAD = struct.Struct("<4sIQQ")
MAGIC = b"GGUF"
VERSIONS = (2, 3)
GET_ONE = "Download one, such as a Q4_K_M file of a small instruct model, and give its path."


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file as it is now. When it changes on disk, it is another one.

    Attributes:
        size: in bytes.
        changed: modification time in nanoseconds.
    """

    path: Path
    size: int
    changed: int

    @property
    def name(self) -> str:
        """What results call the model."""
        return self.path.name


def find(written: str) -> ModelFile:
    """The GGUF file that a person means: a path, "~" allowed, or a folder that holds exactly one.

    Raises:
        ConfigurationError: no path is given.
        InvalidRequestError: there is no such file, or it cannot be a model; says what to do.
    """
    if not written.strip():
        raise ConfigurationError(
            "no model file is named.",
            hint="Write llamacpp:/path/to/model.gguf, or set providers.llamacpp.model_path. " + GET_ONE,
        )
    path = Path(written).expanduser().absolute()
    if path.is_dir():
        path = _only_one(path)
    try:
        facts = path.stat()
        with path.open("rb") as file:
            head = file.read(HEAD.size)
    except FileNotFoundError as error:
        raise InvalidRequestError(f"there is no file {str(path)!r}.", hint="Check the path. " + GET_ONE) from error
    except OSError as error:
        raise InvalidRequestError(
            f"the model file {str(path)!r} cannot be read: {error.strerror or error}.", hint="Check its permissions."
        ) from error
    _check_head(path, head)
    return ModelFile(path, facts.st_size, facts.st_mtime_ns)


def in_folder(folder: Path) -> list[Path]:
    """The GGUF files of a folder and the folders in it, by name. Of a model in several parts, only the first is named to the engine."""
    found = {*folder.glob("*.gguf"), *folder.glob("*/*.gguf"), *folder.glob("*/*/*.gguf")}
    return sorted(path for path in found if path.is_file() and not _later_part(path.name))


def _later_part(name: str) -> bool:
    stem, _, count = name.removesuffix(".gguf").rpartition("-of-")
    number = stem.rpartition("-")[2]
    return bool(stem) and count.isdigit() and number.isdigit() and int(number) > 1


def _only_one(folder: Path) -> Path:
    inside = in_folder(folder)
    if len(inside) == 1:
        return inside[0]
    names = ", ".join(path.name for path in inside[:5])
    raise InvalidRequestError(
        f"{str(folder)!r} is a folder with {len(inside)} GGUF files{': ' + names if names else ''}.",
        hint="Give the path of the file." if inside else GET_ONE,
    )


def _check_head(path: Path, head: bytes) -> None:
    if head[:4] != MAGIC:
        what = "is empty" if not head else f"starts with {head[:4]!r}"
        raise InvalidRequestError(
            f"{str(path)!r} is no GGUF file: it {what}.",
            hint="llama.cpp takes GGUF only; safetensors must be converted first. " + GET_ONE,
        )
    if len(head) < HEAD.size:
        raise InvalidRequestError(f"{str(path)!r} is cut off in its header.", hint="Download it again.")
    _, version, _, _ = HEAD.unpack(head)
    if version not in VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        why = "it is written for big-endian machines" if swapped in VERSIONS else f"its version is {version}"
        raise InvalidRequestError(f"{str(path)!r} cannot be loaded: {why}.", hint="Download another build of it.")
