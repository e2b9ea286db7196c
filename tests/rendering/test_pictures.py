"""The render mode "rgb_array": pictures, and the videos that Gymnasium makes of them."""

import sys
from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import RecordVideo
from gymnasium.wrappers.vector import RecordVideo as RecordLanes

from tests.rendering.texts import HARMFUL
from tests.tiny import EOS
from textgym.errors import MissingExtraError
from textgym.rendering import View, as_picture, picture

LONG = View("so many words " * 500, "x" * 9000, ["a reference " * 300] * 20, turns=[("user", "and why? " * 300)] * 9)
VIEWS = {
    "empty": View("", ""),
    "short": View("abc", "ab", ["cab"], 0.5, True),
    "long": LONG,
    "spaces": View(" " * 3000, "a " * 3000),
    "harmful": View("".join(HARMFUL), "".join(HARMFUL), [*HARMFUL[:40]]),
    "scripts": View("漢字 " * 300, "שלום नमस्ते 🙂 " * 200, ["Käse"]),
}


@pytest.mark.parametrize("name", VIEWS)
def test_every_picture_has_the_same_size_whatever_it_shows(name):
    shown = as_picture(VIEWS[name])
    assert (shown.shape, shown.dtype) == ((480, 720, 3), np.uint8)
    assert shown.flags.writeable
    assert (shown < 128).any()


@pytest.mark.parametrize("name", VIEWS)
def test_texts_stay_within_their_margins(name):
    shown = as_picture(VIEWS[name])
    blank = np.ones_like(shown, dtype=bool)
    blank[20:460, 20:705] = False
    assert (shown[blank] == 255).all()


def test_what_was_written_last_stays_in_sight():
    text = "a word and another " * 200
    one, other = (as_picture(View("p", text + last)) for last in ("this end", "that end"))
    assert (one != other).any()


@pytest.mark.parametrize("seed", range(3))
def test_lines_are_as_wide_as_they_can_be_and_no_wider(seed):
    rng = np.random.default_rng(seed)
    text = " ".join("w" * n for n in rng.integers(0, 30, 80))
    lines = picture._wrapped(text, False)
    width = picture.WIDTH - 2 * picture.MARGIN - picture.INDENT
    assert all(picture._width(line) <= width for line in lines)
    assert " ".join(lines) == text
    for line, following in pairwise(lines):
        assert picture._width(f"{line} {following.split(' ')[0]}") > width


def test_frames_of_an_episode_differ_and_have_one_size():
    env = gym.make("tests/Tiny-v0", render_mode="rgb_array")
    frames = [env.unwrapped.render()]
    env.reset(seed=0)
    for token in (0, 1, EOS):
        frames.append(env.render())
        env.step(token)
    frames.append(env.render())
    assert {frame.shape for frame in frames} == {(480, 720, 3)}
    assert len({frame.tobytes() for frame in frames}) == 5


def test_frames_are_collected_as_a_list():
    env = gym.make("tests/Tiny-v0", render_mode="rgb_array_list")
    env.reset(seed=0)
    env.step(0)
    assert [frame.shape for frame in env.render()] == [(480, 720, 3)] * 2


def frames_of(path):
    return pytest.importorskip("imageio_ffmpeg").count_frames_and_secs(str(path))[0]


def test_record_video_writes_an_episode(tmp_path):
    pytest.importorskip("moviepy")
    env = RecordVideo(gym.make("tests/Tiny-v0", render_mode="rgb_array"), str(tmp_path / "v"), episode_trigger=bool)
    env.reset(seed=0)
    env.reset(seed=0)
    for token in (0, 1, 2, EOS):
        env.step(token)
    env.close()
    assert frames_of(tmp_path / "v" / "rl-video-episode-1.mp4") == 5  # the reset and four steps


def test_record_video_writes_all_lanes(tmp_path):
    pytest.importorskip("moviepy")
    lanes = gym.make_vec("tests/Tiny-v0", num_envs=2, render_mode="rgb_array")
    env = RecordLanes(lanes, str(tmp_path / "v"), video_aspect_ratio=(1, 1), video_length=3)
    env.reset(seed=0)
    for _ in range(4):
        env.step(np.array([0, 1]))
    env.close()
    (path,) = (tmp_path / "v").glob("*.mp4")
    assert frames_of(path) == 4  # Gymnasium stops after the frame that is one too many


def test_without_pillow_the_extra_is_told_when_the_environment_is_made(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    for make in (gym.make, gym.make_vec):
        with pytest.raises(MissingExtraError, match=r"needs the package pillow.*pip install \"textgym\[render\]\""):
            make("tests/Tiny-v0", render_mode="rgb_array")
        assert make("tests/Tiny-v0", render_mode="ansi").render_mode == "ansi"


def test_without_other_fonts_pillow_draws_with_its_own(monkeypatch):
    monkeypatch.setattr(picture, "FONT", "no-such-font.ttf")
    picture._font.cache_clear()
    picture._wrapped.cache_clear()
    try:
        for view in VIEWS.values():
            assert as_picture(view).shape == (480, 720, 3)
    finally:
        picture._font.cache_clear()
        picture._wrapped.cache_clear()
