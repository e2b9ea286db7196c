"""Reverse: the prompt from its end."""

from textgym.registration import register_env, register_task
from textgym.tasks.procedural.letters import LetterTask


@register_task("reverse_letters")
class Reverse(LetterTask):
    """Write a string of letters from its end to its beginning.

    ## Prompt
    ``difficulty + 2`` different letters of a to p, a token each, drawn uniformly: ``kfa``.

    ## Response
    The same letters, the last one first: ``afk``. P = T = difficulty + 3, the separator and the eos included; of 19 ids
    17 are allowed.

    ## Reward
    Edit similarity over letters. The best policy gets 1, a random one 0.083 at difficulty 1 and more as it rises, but
    never 0.2; exact up to difficulty 7.

    Args:
        difficulty: From 1 to 14, two less than the letters of a prompt.
        seed, train_size, validation_size, test_size: As for every ``ProceduralTask``.

    Raises:
        ConfigError: An argument is out of its range.

    Version history: v0, initial version.
    """

    def answer(self, letters: str) -> str:
        """Return the letters from the last to the first."""
        return letters[::-1]


register_env("textgym/Reverse-v0", task="reverse_letters")
