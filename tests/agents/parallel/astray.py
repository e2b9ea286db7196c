"""``accelerate launch -m tests.agents.parallel.astray``: processes that do different things, or one of which hangs."""

import os
import signal
import sys

import numpy as np

from agents.parallel import joined


def main() -> None:
    """Do what the first argument says."""
    with joined("cpu", timeout_seconds=5) as processes:
        if sys.argv[1] == "different":
            processes.values(1) if processes.is_first else processes.joined(np.zeros(1))
        else:
            if not processes.is_first:
                os.kill(os.getpid(), signal.SIGSTOP)
            processes.once(lambda: None)


if __name__ == "__main__":
    main()
