"""How good a policy is: held-out responses, scores with intervals, comparisons, and reports of them."""
