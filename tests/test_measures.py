"""Each measure on outputs made by hand, whose values follow from its definition."""

import math
from importlib.util import find_spec

import numpy as np
import pytest
import typecheck
from jaxtyping import TypeCheckError

from icl import measures


def random_outputs(S=7, N=3, L=5, seed=0):
    """Logits, layer 1's maps, layer 2's target rows, labels and which of them are right."""
    rng = np.random.default_rng(seed)
    T = 2 * N + 1
    p1 = np.tril(rng.random((S, T, T)))
    p1 /= p1.sum(-1, keepdims=True)
    p2 = rng.random((S, T))
    p2 /= p2.sum(-1, keepdims=True)
    logits = rng.normal(size=(S, L)) * 3
    return logits, p1, p2, rng.integers(0, L, (S, N)), rng.random((S, N)) < 0.4


def softmax(row):
    e = [math.exp(x) for x in row]
    return [x / sum(e) for x in e]


def test_accuracy():
    logits = np.array([[0.0, 2.0, 1.0], [5.0, 4.0, -1.0], [0.0, 0.0, 1.0], [-3.0, -2.0, -9.0]])
    assert measures.accuracy(logits, np.array([1, 0, 2, 1])) == 1
    assert measures.accuracy(logits, np.array([1, 1, 2, 0])) == 0.5
    assert measures.accuracy(logits, np.array([0, 1, 1, 2])) == 0


def test_cross_entropy():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]]))
    expected = -(math.log(0.25) + math.log(0.75)) / 2
    assert measures.cross_entropy(logits + 7, np.array([2, 1])) == pytest.approx(expected)
    assert measures.cross_entropy(np.zeros((3, 32)), np.zeros(3, int)) == pytest.approx(
        math.log(32)
    )


def test_cross_entropy_of_large_logits_does_not_overflow():
    logits = np.array([[1000.0, 0.0], [-1000.0, 0.0]], np.float32)
    assert measures.cross_entropy(logits, np.array([1, 1])) == 500


def test_attention_to_the_token_before():
    logits, p1, *_ = random_outputs()
    del logits
    S, T, _ = p1.shape
    every = [p1[s, t, t - 1] for s in range(S) for t in range(1, T)]
    labels = [p1[s, t, t - 1] for s in range(S) for t in range(1, T, 2)]
    assert measures.previous_token_association(p1) == pytest.approx(sum(every) / len(every))
    assert measures.item_label_association(p1) == pytest.approx(sum(labels) / len(labels))


def test_only_labels_count_for_item_label_association():
    p1 = np.zeros((2, 5, 5))
    p1[:, [1, 3], [0, 2]] = 1  # labels attend to their items, items to nothing
    assert measures.item_label_association(p1) == 1
    assert measures.previous_token_association(p1) == 0.5


def test_attention_of_the_target():
    _, _, p2, _, right = random_outputs()
    S, N = right.shape
    to_right = [sum(p2[s, 2 * j + 1] for j in range(N) if right[s, j]) for s in range(S)]
    to_labels = [sum(p2[s, 2 * j + 1] for j in range(N)) for s in range(S)]
    assert measures.target_item_label_association(p2, right) == pytest.approx(np.mean(to_right))
    assert measures.target_labels_association(p2) == pytest.approx(np.mean(to_labels))


def test_attention_to_items_does_not_count():
    items_only = np.array([[0.25, 0.0, 0.25, 0.0, 0.5]])
    both = np.array([[True, True]])
    assert measures.target_item_label_association(items_only, both) == 0
    assert measures.target_labels_association(items_only) == 0


def test_copies_of_the_target_class_add_up():
    p2 = np.array([[0.0, 0.5, 0.0, 0.3, 0.0, 0.2, 0.0]])
    right = np.array([[True, False, True]])
    assert measures.target_item_label_association(p2, right) == pytest.approx(0.7)


def test_context_labels():
    logits, _, _, labels, _ = random_outputs(S=50)
    hits, total = 0, 0.0
    for row, shown in zip(logits.tolist(), labels.tolist(), strict=True):
        hits += row.index(max(row)) in shown
        total += sum(softmax(row)[label] for label in set(shown))
    assert 0 < hits < 50
    assert measures.context_label_accuracy(logits, labels) == hits / 50
    assert measures.context_label_probability(logits, labels) == pytest.approx(total / 50)


def test_a_label_shown_twice_counts_once():
    logits = np.log(np.array([[0.5, 0.3, 0.2]]))
    assert measures.context_label_probability(logits, np.array([[0, 0]])) == pytest.approx(0.5)
    assert measures.context_label_probability(logits, np.array([[0, 2]])) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("logits", "target"),
    [
        (np.zeros(3), np.zeros(3, int)),
        (np.zeros((3, 2)), np.zeros(4, int)),
        (np.zeros((3, 2)), np.zeros(3)),
    ],
    ids=["a dimension too few", "another number of sequences", "labels that are no integers"],
)
def test_arrays_of_another_shape_or_type_are_refused_while_testing(logits, target):
    with pytest.raises(TypeCheckError):
        measures.accuracy(logits, target)


@pytest.mark.parametrize("module", typecheck.MODULES)
def test_shapes_of_every_module_that_names_some_are_checked(module):
    assert type(find_spec(module).loader).__module__.startswith("jaxtyping")


def test_a_measure_leaves_the_logits_as_they_are_and_is_double():
    logits = np.random.default_rng(0).normal(size=(50, 8))
    before, target = logits.copy(), np.zeros(50, int)
    measures.context_label_probability(logits, target[:, None])
    np.testing.assert_array_equal(logits, before)
    narrow = logits.astype(np.float32)
    wide = measures.cross_entropy(narrow.astype(np.float64), target)
    assert measures.cross_entropy(narrow, target) == wide
