"""In-context learning in a small classification task: Reddy (ICLR 2024), reproduced.

Every section of the paper is one module. Nothing is imported here, so that the parts that need no
PyTorch start without it.
"""
