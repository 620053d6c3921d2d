"""In-context learning in a small classification task: Reddy (ICLR 2024), reproduced.

The science is in task, strategies, model, network, minimal, induction, measures, circuits,
landscape, experiments, analysis, claims and rules; the other modules train, keep and show runs.

Nothing is imported here, so that the parts that need no PyTorch start without it.
"""
