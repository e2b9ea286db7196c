"""An episode as text that is safe to print."""

from collections.abc import Sequence

from textgym.core import Sample
from textgym.tokenizers import settled

NO_EPISODE = "no episode yet: call reset()"


def printable(text: str) -> str:
    """Return ``text`` with line ends, terminal codes and other invisible characters written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def render_episode(sample: Sample, response: str, total: float, ended: bool) -> str:
    """Return an episode as lines: the prompt, its references, the response and the sum of the rewards so far.

    While the episode goes on, a character of which only the first bytes are written is not shown.
    """
    response = response if ended else settled(response)
    lines = [f"prompt:    {printable(sample.prompt)}"]
    lines += [f"reference: {printable(reference)}" for reference in sample.references]
    lines += [f"response:  {printable(response)}", f"reward:    {total:.4f} ({'ended' if ended else 'goes on'})"]
    return "\n".join(lines)


def render_dialogue(said: Sequence[str], present: str, total: float, ended: bool) -> str:
    """Return a dialogue as lines: what was said in turn, the user first, and the sum of the rewards so far.

    Args:
        said: The finished turns.
        present: What the agent has written of the next one.
        total: The sum of the rewards.
        ended: Whether the dialogue is over.
    """
    turns = [*said] if ended else [*said, settled(present)]
    lines = [f"{('user:', 'agent:')[i % 2]:<10} {printable(text)}" for i, text in enumerate(turns)]
    return "\n".join([*lines, f"reward:    {total:.4f} ({'ended' if ended else 'goes on'})"])
