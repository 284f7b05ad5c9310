"""Both kinds of film in a real browser, from a real server, decoded to real pixels and sound."""

import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from viralai_sdk.providers.embedded.film import Film, shoot

from .stand_ins import paint, small_plan, speak

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
]
# Plays to the end, then reads a frame from the middle back through a canvas.
WATCH = """async (name) => {
  const video = document.createElement('video');
  document.body.replaceChildren(video);
  const until = (event) => new Promise((done, fail) => {
    video.addEventListener(event, done, {once: true});
    video.addEventListener('error', () => fail(new Error(video.error.message)), {once: true});
  });
  const ended = until('ended');
  video.src = name;
  await video.play();
  const began = video.currentTime;
  await ended;
  const result = {
    width: video.videoWidth, height: video.videoHeight, duration: video.duration, began, stopped: video.currentTime,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    audioBytes: video.webkitAudioDecodedByteCount, videoBytes: video.webkitVideoDecodedByteCount,
  };
  const sought = until('seeked');
  video.currentTime = video.duration / 2;
  await sought;
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const pen = canvas.getContext('2d');
  pen.drawImage(video, 0, 0);
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 4) sum += pixels[i] + pixels[i + 1] + pixels[i + 2];
  result.brightness = sum / (pixels.length / 4 * 3);
  result.corner = Array.from(pixels.slice(0, 3));
  return result;
}"""


class Silent(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without writing a line per request."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Film]:
    plan = small_plan(fps=24.0, duration=2.0, narration=speak())
    made = {"h264": shoot(plan, paint, tmp_path / "h264.mp4")}
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "av", None)
        made["av1"] = shoot(plan, paint, tmp_path / "av1.mp4")
    return made


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "page.html").write_text("<!doctype html><title>films</title><body></body>")
    handler = functools.partial(Silent, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.mark.browser
def test_both_kinds_of_film_play_in_a_browser(films: dict[str, Film], address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page()
        page.goto(address + "page.html")
        seen = {name: page.evaluate(WATCH, film.path.name) for name, film in films.items()}
        browser.close()
    assert films["av1"].video_codec == "av1"
    for name, film in films.items():
        watched = seen[name]
        assert (watched["width"], watched["height"]) == (320, 180), name
        assert watched["duration"] == pytest.approx(film.duration, abs=0.06), name
        assert watched["stopped"] > watched["began"], name
        assert watched["stopped"] == pytest.approx(watched["duration"], abs=0.1), name
        assert watched["frames"] > 24, name
        assert watched["videoBytes"] > 0, name
        assert watched["brightness"] > 60, name
    assert seen["h264"]["audioBytes"] > 0
    assert seen["av1"]["audioBytes"] == 0
    difference = [abs(a - b) for a, b in zip(seen["h264"]["corner"], seen["av1"]["corner"], strict=True)]
    assert max(difference) < 16, "one of the two names its colours wrongly"
