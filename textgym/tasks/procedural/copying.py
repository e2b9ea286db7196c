"""Copy: repeat the prompt."""

from textgym.registration import register_env, register_task
from textgym.tasks.procedural.letters import LetterTask


@register_task("copy_letters")
class Copy(LetterTask):
    """Repeat a string of letters.

    ## Prompt
    ``difficulty + 2`` different letters of a to p, a token each, drawn uniformly: ``kfa``.

    ## Response
    The same letters in the same order: ``kfa``. P = T = difficulty + 3, the separator and the eos included; of 19 ids
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
        """Return the letters."""
        return letters


register_env("textgym/Copy-v0", task="copy_letters")
