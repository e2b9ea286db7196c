"""Every check finds what it is for: one deliberately broken environment or more for each."""

import random
import re

import gymnasium as gym
import numpy as np
import pytest

import tests.tiny  # noqa: F401  (its environments)
from tests.checker.letters import EOS, PROMPTS, TOKENIZER, Letters, P, T
from textgym import check_text_env
from textgym.checker import CHECKS
from textgym.checker.subject import Subject
from textgym.checker.trace import Trace
from textgym.errors import CheckError

BROKEN = []


def finds(check, message):
    """Register an environment whose fault ``check`` must find, with a message that begins like this."""

    def register(kind):
        BROKEN.append(pytest.param(kind, check, message, id=f"{check}-{kind.__name__}"))
        return kind

    return register


@finds("spaces", "observations must be arrays of token ids")
class TextSpace(Letters):
    def __init__(self):
        super().__init__()
        self.observation_space = gym.spaces.Dict({"prompt": gym.spaces.Text(10), "ids": gym.spaces.Box(0, 1)})


@finds("outcomes", "a reward must be a finite number; got nan")
class NanReward(Letters):
    def score(self):
        return float("nan") if len(self.tokens) == 2 else 0.0


@finds("outcomes", "terminated must be a bool; got 0 (int)")
class NumberForBool(Letters):
    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, int(terminated), truncated, info


@finds("outcomes", "an episode must be terminated or truncated; got both")
class BothEnds(Letters):
    def step(self, action):
        observation, reward, terminated, _, info = super().step(action)
        return observation, reward, terminated, terminated, info


@finds("outcomes", "step() must return observation, reward, terminated, truncated and a dict")
class FourValues(Letters):
    def step(self, action):
        return super().step(action)[:4]


@finds("outcomes", "step() must take every action that is allowed; got KeyError: 'lost'")
class Raises(Letters):
    def score(self):
        if len(self.tokens) == 3:
            raise KeyError("lost")
        return 0.0


@finds("outcomes", "reset() must return an observation and a dict")
class OldReset(Letters):
    def reset(self, **arguments):
        return super().reset(**arguments)[0]


@finds(
    "observations",
    f"every column must hold a token id in [0, {TOKENIZER.vocab_size}), or -1 where it is empty; got 999",
)
class ForeignId(Letters):
    def observe(self):
        row = super().observe()
        row[P + len(self.tokens) - 1] = 999 if len(self.tokens) == 2 else row[P + len(self.tokens) - 1]
        return row


@finds("observations", "the prompt must have a token, and stand at the right end")
class PromptOnTheLeft(Letters):
    def observe(self):
        row = super().observe()
        prompt = row[:P][row[:P] >= 0]
        row[:P] = -1
        row[: len(prompt)] = prompt
        return row


@finds("observations", "the prompt must have a token")
class NoPrompt(Letters):
    def observe(self):
        row = super().observe()
        row[:P] = -1
        return row


@finds("observations", "what follows the prompt must begin at the left")
class ResponseOnTheRight(Letters):
    def observe(self):
        row = super().observe()
        row[P:] = np.roll(row[P:], T - len(self.tokens))
        return row


@finds("observations", "every observation must lie in the observation space")
class WrongType(Letters):
    def observe(self):
        return super().observe().astype(np.float64)


@finds("written tokens", "must be written into column 6, and no column before it may change")
class WritesAnother(Letters):
    def observe(self):
        row = super().observe()
        row[P:][row[P:] >= 0] = 65
        return row


@finds("infos", "the information of reset must have 'references' (list); got the keys ['index', 'prompt']")
class NoReferences(Letters):
    def reset(self, **arguments):
        observation, info = super().reset(**arguments)
        del info["references"]
        return observation, info


@finds("infos", "info['references'] must be a list of str; got [1]")
class NumbersAsReferences(Letters):
    def reset(self, **arguments):
        observation, info = super().reset(**arguments)
        return observation, info | {"references": [1]}


@finds("infos", "the information of the last step must have 'score' (float); got str 'good'")
class ScoreInWords(Letters):
    def outcome(self):
        return super().outcome() | {"score": "good"}


@finds("infos", "only the last step may tell response, finish, score, length; got ['score'] while")
class TellsEarly(Letters):
    def step(self, action):
        *result, info = super().step(action)
        return (*result, info | {"score": 0.0})


@finds("infos", "info['length'] must be the number of the agent's tokens")
class CountsWithoutEos(Letters):
    def outcome(self):
        return super().outcome() | {"length": len(self.tokens) - 1}


@finds("order of calls", "step() before the first reset() must raise gymnasium.error.ResetNeeded; got AttributeError")
class NeedsNoOrder(Letters):
    def step(self, action):
        if self.index is None:
            return self.nothing
        return super().step(action)


@finds("order of calls", "step() after the end of an episode must raise gymnasium.error.ResetNeeded; got a step")
class GoesOnAfterTheEnd(Letters):
    def step(self, action):
        if self.over and self.index is not None:
            self.over, self.tokens = False, self.tokens[:-1]
        return super().step(action)


@finds("eos", "an eos must end the response: nothing may be asked of the agent after it; got an episode that goes on")
class IgnoresEos(Letters):
    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        if action == EOS and len(self.tokens) < T:
            self.over = terminated = False
            info = {}
        return observation, reward, terminated, truncated, info


@finds(
    "eos",
    "must be terminated, with info['finish'] = 'eos'; got terminated=True and finish='length'",
)
class EosByAnotherName(Letters):
    def outcome(self):
        return super().outcome() | {"finish": "length"}


@finds("eos", "an episode that the eos ends must be terminated")
class TruncatesAtEos(Letters):
    def step(self, action):
        observation, reward, terminated, _, info = super().step(action)
        return observation, reward, False, terminated, info


@finds("length", f"an episode must end after {T} tokens at most; got one that goes on")
class NeverFull(Letters):
    def step(self, action):
        if len(self.tokens) == T - 1:
            self.tokens.pop()
        return super().step(action)


@finds("length", f"info['finish'] must be 'length' when {T} tokens are written")
class FullByAnotherName(Letters):
    def outcome(self):
        return super().outcome() | {"finish": "eos"}


@finds("masks", "action_masks() must be a bool array of shape (258,); got int64 of shape (258,)")
class MaskOfNumbers(Letters):
    def action_masks(self):
        return super().action_masks().astype(np.int64)


@finds("masks", "action_masks() must allow something as long as the episode goes on; got a mask without a True")
class EmptyMask(Letters):
    def action_masks(self):
        mask = super().action_masks()
        return mask & (len(self.tokens) < 1)


@finds("masks", "action_masks() must be what the observation space allows; got another answer for the ids [7]")
class MaskOfItsOwn(Letters):
    def action_masks(self):
        mask = super().action_masks()
        mask[7] = False
        return mask


@finds("refused actions", "an action that the mask refuses must be marked, info['invalid_action'] = True; got {}")
class ForgetsTheMark(Letters):
    def step(self, action):
        *result, info = super().step(action)
        info.pop("invalid_action", None)
        return (*result, info)


@finds("refused actions", "an action that the mask allows must not be marked")
class MarksEverything(Letters):
    def step(self, action):
        *result, info = super().step(action)
        return (*result, info | {"invalid_action": True})


@finds("refused actions", "which raised, must change nothing; got after 1 of these calls another observation")
class RaisesTooLate(Letters):
    def step(self, action):
        if not self.over and 0 <= action < 258 and not self.action_masks()[action]:
            self.tokens.append(action)
            self.check(-1)
        return super().step(action)


@finds("foreign actions", "-1 is no action, so step() must raise gymnasium.error.InvalidAction; got a step")
class CountsFromTheEnd(Letters):
    def step(self, action):
        return super().step(range(258)[action] if isinstance(action, int) else action)


@finds("foreign actions", "258 is no action, so step() must raise gymnasium.error.InvalidAction; got IndexError")
class BareIndexError(Letters):
    def check(self, action):
        if action != 258:
            super().check(action)


@finds("foreign actions", "the action None, which raised, must change nothing")
class WritesBeforeItLooks(Letters):
    def step(self, action):
        if action is None:
            self.tokens.append(0)
        return super().step(action)


@finds("seeds", "the same seed and actions must lead to the same; got after")
class IgnoresTheSeed(Letters):
    def reset(self, *, seed=None, options=None):
        return super().reset(options=options)

    def __deepcopy__(self, memo):
        return type(self)()


@finds("seeds", "different seeds must draw different samples; got the same one for 20 seeds")
class AlwaysTheFirst(Letters):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed, options=options or {"index": 0})


# where its draws happen to agree, what is found is the moved generator: both sentences begin alike
@finds("global generators", "the generators of `random` and `numpy.random` must not be ")
class DrawsFromRandom(Letters):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed, options=options or {"index": random.randrange(len(PROMPTS))})


@finds("global generators", "the generators of `random` and `numpy.random` must not be touched")
class SeedsNumpy(Letters):
    def reset(self, *, seed=None, options=None):
        np.random.seed(seed)  # noqa: NPY002
        return super().reset(seed=seed, options=options)


@finds("chosen samples", "the sample must be the one that was asked for")
class IgnoresTheIndex(Letters):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)


@finds("fresh observations", "an observation must be a fresh array each time; got one that a later step has written")
class OneArray(Letters):
    def observe(self):
        row = super().observe()
        if not hasattr(self, "row"):
            self.row = row
        self.row[:] = row
        return self.row


@finds("fresh observations", "writing into a returned observation must not change the environment")
class ReadsItsAnswer(Letters):
    def observe(self):
        if len(self.tokens) > 1:
            row = self.row.copy()
            row[P + len(self.tokens) - 1] = self.tokens[-1]
        else:
            row = super().observe()
        self.row = row
        return row


class Shared:
    tokens = 0


@finds("environments apart", "two environments that are played in turn must do what they do apart")
class SharedCounter(Letters):
    def reset(self, **arguments):
        Shared.tokens = 0
        return super().reset(**arguments)

    def score(self):
        Shared.tokens += 1
        return float(Shared.tokens)


@finds("deep copies", "an environment must have a deep copy in mid-episode; got TypeError")
class CannotBeCopied(Letters):
    def reset(self, **arguments):
        result = super().reset(**arguments)
        self.stream = (i for i in range(3))
        return result


@finds("deep copies", "must go on as the original does")
class SharesItsTokens(Letters):
    def __deepcopy__(self, memo):
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin


@finds("pickles", "an environment must have a pickle in mid-episode; got")
class CannotBePickled(Letters):
    def __init__(self):
        super().__init__()
        self.function = lambda: 0


@finds("pickles", "must go on as the original does; got after 0 of these calls another observation")
class PicklesWithoutTokens(Letters):
    def __getstate__(self):
        return self.__dict__ | {"tokens": []}

    def __deepcopy__(self, memo):
        raise NotImplementedError


@finds("snapshots", "must go on as the episode did")
class SnapshotWithoutGenerator(Letters):
    def restore(self, snapshot):
        state = self.np_random.bit_generator.state
        super().restore(snapshot)
        self.np_random.bit_generator.state = state
        return self.observe()


@finds("snapshots", "restore() must return the observation of the snapshot")
class RestoreReturnsNothing(Letters):
    def restore(self, snapshot):
        super().restore(snapshot)


@finds("snapshots", "a snapshot must hold JSON values and arrays only; got")
class SnapshotOfObjects(Letters):
    def snapshot(self):
        return {"self": object()}


@finds("sums of rewards", "the rewards of an episode must sum to the score")
class PaysTwice(Letters):
    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, reward * 2 + 0.5, *rest


@finds("sums of rewards", "the rewards of an episode must sum, discounted by 0.5, to the discounted score")
class AnotherDiscount(Letters):
    discount = 0.5


@finds("decoding", "info['response'] must be the text of the ids that were written")
class StripsTheResponse(Letters):
    def outcome(self):
        return super().outcome() | {"response": "x"}


class Upper(type(TOKENIZER)):
    def encode(self, text):
        return super().encode(text.upper())


@finds("decoding", "the text of every prefix must come back from its own ids")
class LossyTokenizer(Letters):
    def __init__(self):
        super().__init__()
        self.tokenizer = Upper()


class Shouting:
    def __init__(self, writer):
        self.writer = writer

    def write(self, token):
        return self.writer.write(token) + "!"


class Joined(type(TOKENIZER)):
    def writer(self):
        return Shouting(super().writer())


@finds("decoding", "text that is decoded as it comes must be that of all ids")
class AnotherTextAsItComes(Letters):
    def __init__(self):
        super().__init__()
        self.tokenizer = Joined()


@finds("empty responses", "step() must take every action that is allowed; got ZeroDivisionError")
class CannotBeEmpty(Letters):
    def outcome(self):
        return super().outcome() | {"score": 1.0 / (len(self.tokens) - 1)}


@finds("empty responses", "an empty response must be '' and have a finite score; got 'None' with")
class EmptyIsNone(Letters):
    def outcome(self):
        told = super().outcome()
        return told | {"response": told["response"] or "None"}


@finds("unicode", "step() must take every action that is allowed; got UnicodeEncodeError")
class AsciiOnly(Letters):
    def outcome(self):
        told = super().outcome()
        told["response"].encode("ascii")
        return told


@finds("unicode", "the response 'a\\x1b[31m\\x00\\n\\tb' must have a finite score; got nan")
class NoScoreForControls(Letters):
    def outcome(self):
        told = super().outcome()
        return told | ({"score": float("nan")} if "\x00" in told["response"] else {})


@finds("rendering", "the mode 'ansi' must show control characters of texts as escapes")
class RendersRaw(Letters):
    def render(self):
        return TOKENIZER.decode(self.tokens)


@finds("rendering", "render() in the mode 'ansi' must return str; got NoneType")
class RendersNothing(Letters):
    def render(self):
        return None


@finds("rendering", "a picture must be uint8 [H, W, 3]; got float64 (2, 2)")
class FloatPicture(Letters):
    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(self):
        super().__init__(render_mode="rgb_array")

    def render(self):
        return np.zeros((2, 2))


@finds("closing", "the second close() must not raise; got AttributeError")
class ClosesOnce(Letters):
    def __init__(self):
        super().__init__()
        self.file = self

    def close(self):
        file, self.file = self.file, None
        file.tokens = []


def check_one(env, check):
    return CHECKS[check](Subject(env))


@pytest.mark.parametrize(("kind", "check", "message"), BROKEN)
def test_a_broken_environment_is_found(kind, check, message):
    with pytest.raises(CheckError) as found:
        check_one(kind(), check)
    text = str(found.value)
    assert text.startswith(f"{kind.__name__}: ")
    assert message in text
    assert "To see it again: env.reset" in text
    assert text.endswith(".")


@pytest.mark.parametrize(("kind", "check", "message"), BROKEN)
def test_the_whole_checker_finds_it_too(kind, check, message):
    with pytest.raises(CheckError):
        check_text_env(kind())


def test_every_check_has_a_negative_control():
    controlled = {parameters.values[1] for parameters in BROKEN}
    assert set(CHECKS) - controlled == {"scores"}  # which needs an environment of ours: below


def test_a_score_that_is_not_the_rewards_is_found():
    env = gym.make("tests/TinyShaped-v0").unwrapped
    scored = env._scored

    def shifted(sample):
        return scored(sample)._replace(scores=scored(sample).scores + 0.125)

    env._scored = shifted
    with pytest.raises(CheckError, match=r"info\['score'\] must be what the reward gives for the whole response"):
        check_one(env, "scores")


def replayed(kind):
    """Do what the message of a failure says; return the environment and what the actions paid."""
    with pytest.raises(CheckError) as found:
        check_text_env(kind())
    seed, actions = re.search(r"env\.reset\(seed=(\d+)\), then the actions \[([\d, ]*)\]\.$", str(found.value)).groups()
    env = kind()
    env.reset(seed=int(seed))
    return env, [env.step(int(action)) for action in actions.split(",")]


def test_what_a_message_tells_shows_it_again():
    env, _ = replayed(NeverFull)
    assert not env.over
    _, results = replayed(PaysTwice)
    assert sum(result[1] for result in results) != results[-1][4]["score"]
    with pytest.raises(KeyError, match="lost"):
        replayed(Raises)


def test_many_actions_are_told_in_part():
    env = gym.make("tests/Tiny-v0", max_new_tokens=80, stop_at_eos=False).unwrapped
    trace = Trace(env, "long")
    trace.reset(1)
    trace.follow([0] * 50)
    with pytest.raises(
        CheckError, match=r"^long: a; got b\. To see it again: env.reset\(seed=1\), .* 0\] and 10 more\.$"
    ):
        trace.fail("a", "b")


def test_a_failure_is_told_by_the_check_that_explains_most():
    with pytest.raises(CheckError, match=r"action_masks\(\) must be a bool array of shape \(258,\)"):
        check_text_env(ShortMask())
    with pytest.raises(CheckError, match="the same seed and actions must lead to the same"):
        check_text_env(IgnoresTheSeed())


class ShortMask(Letters):
    def action_masks(self):
        return np.ones(3, dtype=bool)
