"""Files: every format decodes to the speech, and the comment is inside."""

from __future__ import annotations

import io
import sys
import wave

import av
import numpy as np
import pytest

from viralai_sdk.providers.embedded.voice import Spoken, VoiceError, available_formats, encode, speak

COMMENT = "embedded/espeak-ng@1.52 · seed 0 · not a model"


@pytest.fixture(scope="module")
def spoken() -> Spoken:
    return speak("Hello from the other side.", engine="espeak-ng")


def test_wav_is_read_by_the_standard_library(spoken: Spoken) -> None:
    data = encode(spoken, "WAV", comment=COMMENT)
    with wave.open(io.BytesIO(data)) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, spoken.sample_rate)
        assert reader.readframes(reader.getnframes()) == spoken.samples.tobytes()
    assert int.from_bytes(data[4:8], "little") == len(data) - 8


@pytest.mark.parametrize("output_format", ["wav", "mp3", "opus", "flac", "aac"])
@pytest.mark.parametrize("comment", [COMMENT, "odd"])
def test_every_format_decodes_with_its_comment(spoken: Spoken, output_format: str, comment: str) -> None:
    assert output_format in available_formats()
    with av.open(io.BytesIO(encode(spoken, output_format, comment=comment)), "r") as container:
        stream = container.streams.audio[0]
        found = {**container.metadata, **stream.metadata}
        frames = [frame.to_ndarray().astype(float).ravel() for frame in container.decode(stream)]
    samples = np.concatenate(frames)
    assert {key.lower(): value for key, value in found.items()}["comment"] == comment
    assert len(samples) / stream.rate == pytest.approx(spoken.duration, abs=0.12)
    assert samples.std() > 0


def test_an_unknown_format_names_the_known_ones(spoken: Spoken) -> None:
    with pytest.raises(VoiceError, match="wav, mp3, opus, flac, aac") as caught:
        encode(spoken, "wma", comment="")
    assert caught.value.kind == "format"


def test_without_pyav_only_wav_is_offered(spoken: Spoken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert available_formats() == ("wav",)
    assert encode(spoken, "wav", comment="x").startswith(b"RIFF")
    with pytest.raises(VoiceError, match="viralai-sdk"):
        encode(spoken, "mp3", comment="x")


def test_what_pyav_refuses_is_a_typed_error(spoken: Spoken) -> None:
    impossible = Spoken(spoken.samples, 1_000_003, spoken.words, spoken.engine, spoken.voice, spoken.language)
    with pytest.raises(VoiceError, match="PyAV could not write") as caught:
        encode(impossible, "mp3", comment="x")
    assert caught.value.kind == "format"
