"""Accuracies and the four progress measures (section 3), as plain functions of outputs and
sequences.

Tokens alternate: pair j's item is token 2j, its label token 2j+1, and the target token 2N. Where
the paper leaves a choice open, both readings are here and the book says which one a figure shows.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from icl.task import Array

Logits = Float[Array, "S L"]
Layer1 = Float[Array, "S T T"]  # [sequence, query, key]
TargetRow = Float[Array, "S T"]  # layer 2's attention from the target


def accuracy(logits: Logits, target: Int[Array, "S"]) -> float:
    """Fraction of sequences whose most probable label is the right one."""
    return float((logits.argmax(1) == target).mean())


def cross_entropy(logits: Logits, target: Int[Array, "S"]) -> float:
    """Mean of -log p(target), in nats."""
    return float(-_log_softmax(logits)[np.arange(len(target)), target].mean())


def item_label_association(p1: Layer1) -> float:
    """ILA1: attention of a context label to the item just before it, layer 1, mean over labels."""
    return float(_previous(p1)[:, 0::2].mean())


def previous_token_association(p1: Layer1) -> float:
    """ILA1 read literally: attention to the previous token, mean over all tokens but the first."""
    return float(_previous(p1).mean())


def target_item_label_association(p2: TargetRow, right: Bool[Array, "S N"]) -> float:
    """TILA2: attention of the target to the labels of its class's items, summed, layer 2."""
    return float((p2[:, 1::2] * right).sum(1).mean())


def target_labels_association(p2: TargetRow) -> float:
    """TLA2: total attention of the target to the N labels, layer 2."""
    return float(p2[:, 1::2].sum(1).mean())


def context_label_accuracy(logits: Logits, labels: Int[Array, "S N"]) -> float:
    """CLA: fraction of sequences whose most probable label is in the context."""
    return float((logits.argmax(1)[:, None] == labels).any(1).mean())


def context_label_probability(logits: Logits, labels: Int[Array, "S N"]) -> float:
    """CLA's other reading: total probability of the labels in the context."""
    p = np.exp(_log_softmax(logits))
    present = np.zeros(p.shape, bool)
    np.put_along_axis(present, labels, True, axis=1)
    return float((p * present).sum(1).mean())


def _previous(p1: Layer1) -> Float[Array, "S T-1"]:
    """Attention of tokens 1, ..., T-1 to the one before."""
    return np.asarray(np.diagonal(p1, offset=-1, axis1=1, axis2=2))


def _log_softmax(logits: Logits) -> Logits:
    z = logits.astype(np.float64)
    z -= z.max(1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(1, keepdims=True)))
