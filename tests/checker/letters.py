"""An environment that somebody else could have written: it follows the conventions, in code of its own."""

import json

import gymnasium as gym
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded

from textgym import TokenSpace
from textgym.rendering import View, as_lines
from textgym.tokenizers import ByteTokenizer

P, T = 6, 12
PROMPTS = ("ab", "né", "c", "dd")
TOKENIZER = ByteTokenizer()
EOS = TOKENIZER.eos_id


class Letters(gym.Env):
    """Write the prompt's bytes; each that is right pays at once."""

    metadata = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012

    def __init__(self, render_mode="ansi"):
        self.observation_space = TokenSpace(TOKENIZER.vocab_size, P, T, EOS, banned_tokens=TOKENIZER.special_ids)
        self.action_space = gym.spaces.Discrete(TOKENIZER.vocab_size)
        self.tokenizer = TOKENIZER
        self.num_samples = len(PROMPTS)
        self.render_mode = render_mode
        self.index, self.tokens, self.over, self.total = None, [], True, 0.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.index = options["index"] if options else int(self.np_random.integers(len(PROMPTS)))
        self.tokens, self.over, self.total = [], False, 0.0
        return self.observe(), {"index": self.index, "prompt": PROMPTS[self.index], "references": [PROMPTS[self.index]]}

    def observe(self):
        row = np.full(P + T, -1, np.int32)
        ids = TOKENIZER.encode_prompt(PROMPTS[self.index])
        row[P - len(ids) : P] = ids
        row[P : P + len(self.tokens)] = self.tokens
        return row

    def check(self, action):
        if isinstance(action, (bool, float, str, list, type(None))) or not 0 <= action < TOKENIZER.vocab_size:
            raise InvalidAction(f"{action!r} is no token")

    def score(self):
        wanted = PROMPTS[self.index].encode()
        return sum(a == b for a, b in zip(self.tokens, wanted, strict=False)) / len(wanted)

    def step(self, action):
        if self.over:
            raise ResetNeeded("call reset()")
        self.check(action)
        refused = not self.action_masks()[action]
        before = self.score()
        self.tokens.append(int(action))
        self.over = action == EOS or len(self.tokens) == T
        reward = self.score() - before - refused
        self.total += reward
        info = self.outcome() if self.over else {}
        if refused:
            info["invalid_action"] = True
        return self.observe(), reward, self.over, False, info

    def outcome(self):
        finish = "eos" if self.tokens[-1] == EOS else "length"
        text = TOKENIZER.decode(self.tokens)
        return {"response": text, "finish": finish, "score": self.score(), "length": len(self.tokens)}

    def action_masks(self):
        return self.observation_space.allowed(np.array([len(self.tokens)]))[0]

    def render(self):
        return as_lines(View(PROMPTS[self.index], TOKENIZER.decode(self.tokens), (), self.total, self.over))

    def snapshot(self):
        state = self.np_random.bit_generator.state
        return json.loads(json.dumps([self.index, self.tokens, self.over, self.total, state]))

    def restore(self, snapshot):
        self.index, self.tokens, self.over, self.total, self.np_random.bit_generator.state = snapshot
        return self.observe()
