"""How much memory a run will take: its own code is rehearsed with tensors that have sizes but no contents."""
