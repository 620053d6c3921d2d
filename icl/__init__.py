"""In-context learning in a small classification task: Reddy (ICLR 2024), reproduced.

The science is in task, strategies, model, network, minimal, induction, gradients, measures,
attention, circuits, trained, knockout, silence, landscape, experiments, analysis, evidence, rules,
verdicts, remarks and claims; the other modules train, keep and show runs.

Nothing is imported here, so that the parts that need no PyTorch start without it.
"""
