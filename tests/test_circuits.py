"""Products of weights, on weights that were set by hand and on real runs."""

import numpy as np
import pytest

from icl import circuits
from icl.induction import induction_head
from icl.model import Model, initial
from icl.runs import RunConfig, load_or_train
from icl.settings import InputError
from icl.task import Task, World
from icl.training import Training

TASK = Task(K=32, L=8, N=3, D=6, P=9)


def test_an_exact_induction_head_shows_its_two_matches():
    theta = induction_head(World(TASK, 0, "float64"))
    back = circuits.layer1_by_distance(theta, TASK.P, [0, 1, 2])
    assert back[1] > 50
    np.testing.assert_allclose(back[[0, 2]], 0, atol=1e-9)
    mean, noise = circuits.diagonal(circuits.match(theta, TASK.P))
    assert mean > 50
    assert noise < 1e-9
    direct, _ = circuits.diagonal(circuits.match(theta, TASK.P, through_layer1=False))
    assert direct == pytest.approx(0, abs=1e-9)


def test_match_is_the_logit_between_contents():
    """Eq. 3 in layer 2 for a key whose token is what layer 1 wrote, and a target at no position."""
    theta = initial(Model(), TASK, 1, "float64")
    rng = np.random.default_rng(0)
    target, item = rng.standard_normal((2, TASK.D))
    pad = np.zeros(TASK.P)
    u_target, u_item = np.concatenate([pad, target]), np.concatenate([pad, item])
    by_equation = (theta["K2"] @ theta["V1"] @ u_item) @ (theta["Q2"] @ u_target)
    assert target @ circuits.match(theta, TASK.P) @ item == pytest.approx(by_equation)
    own = (theta["K2"] @ u_item) @ (theta["Q2"] @ u_target)
    assert target @ circuits.match(theta, TASK.P, False) @ item == pytest.approx(own)


def test_what_was_written_is_the_change_of_what_layer_1_reads_of_contents():
    first, theta = (initial(Model(), TASK, seed, "float64") for seed in (1, 2))
    content = np.random.default_rng(0).standard_normal(TASK.D)
    token = np.concatenate([np.zeros(TASK.P), content])
    expected = theta["V1"] @ token - first["V1"] @ token
    np.testing.assert_allclose(circuits.written(theta, first, TASK.P) @ content, expected)


def test_the_share_within_a_span_is_that_of_the_projection():
    rng = np.random.default_rng(0)
    span, matrix = rng.standard_normal((3, 7)), rng.standard_normal((7, 5))
    again = np.concatenate([span, 2 * span[:1] - span[1:2]])  # spans no more
    coefficients, *_ = np.linalg.lstsq(span.T, matrix, rcond=None)
    left = matrix - span.T @ coefficients
    expected = 1 - (left**2).sum() / (matrix**2).sum()
    for vectors in (span, again):
        assert circuits.share_within(matrix, vectors) == pytest.approx(expected)
    assert circuits.share_within(left, span) == pytest.approx(0, abs=1e-20)
    assert circuits.share_within(span.T, again) == pytest.approx(1)
    many = rng.standard_normal((7, 100_000))
    assert circuits.share_within(many, span) == pytest.approx(3 / 7, abs=0.01)


def test_logits_by_distance_are_those_of_positions():
    theta = initial(Model(), TASK, 2, "float64")
    eye = np.eye(TASK.P + TASK.D)
    pairs = [
        (theta["K1"] @ eye[i - 2]) @ (theta["Q1"] @ eye[i]) for i in range(2, TASK.P)
    ]  # key two before the query
    (value,) = circuits.layer1_by_distance(theta, TASK.P, [2])
    assert value == pytest.approx(np.mean(pairs))


def test_layer_1_matches_contents():
    """Eq. 3 in layer 1 for tokens at no position."""
    theta = initial(Model(), TASK, 1, "float64")
    rng = np.random.default_rng(0)
    query, key = rng.standard_normal((2, TASK.D))
    pad = np.zeros(TASK.P)
    by_equation = (theta["K1"] @ np.concatenate([pad, key])) @ (
        theta["Q1"] @ np.concatenate([pad, query])
    )
    assert query @ circuits.layer1_match(theta, TASK.P) @ key == pytest.approx(by_equation)


@pytest.mark.parametrize("distance", [-2, 0, 1])
def test_a_pointer_is_a_logit_between_a_position_that_was_copied_and_one_that_is_there(distance):
    """Eq. 2-3: what layer 1 adds to a query that looks at position i alone, and a key at j whose
    only token it sees is itself.
    """
    theta = initial(Model(), TASK, 2, "float64")
    eye = np.eye(TASK.P + TASK.D)
    logits = []
    for i in range(TASK.P):
        if 0 <= i + distance < TASK.P:
            key = eye[i + distance] + theta["V1"] @ eye[i + distance]
            logits.append((theta["K2"] @ key) @ (theta["Q2"] @ theta["V1"] @ eye[i]))
    (value,) = circuits.pointer_by_distance(theta, TASK.P, [distance])
    assert value == pytest.approx(np.mean(logits))


def test_diagonal():
    assert circuits.diagonal(3 * np.eye(5)) == (3, 0)
    mean, noise = circuits.diagonal(np.array([[1.0, 2.0], [-2.0, 3.0]]))
    assert (mean, noise) == (2, 2)


def test_parameters_are_those_that_the_run_ended_with(tmp_path):
    training = Training(steps=1, every=1, learning_rate=1e-30, decay=0.0, test=8, batch=4,
                        dtype="float64", keep_parameters=True)  # fmt: skip
    config = RunConfig(task=TASK, training=training)
    ds = load_or_train(config, [0, 3], tmp_path, progress=False)
    theta = circuits.parameters(ds, 3)
    start = initial(config.model, TASK, 3, "float64")
    assert theta.keys() == start.keys()
    for name, value in start.items():
        np.testing.assert_allclose(theta[name], value, atol=1e-20)


def test_runs_without_parameters_are_refused(tmp_path):
    training = Training(steps=1, every=1, test=8, batch=4)
    ds = load_or_train(RunConfig(task=TASK, training=training), [0], tmp_path, progress=False)
    with pytest.raises(InputError, match=r"^runs hold no parameters: train with keep_parameters="):
        circuits.parameters(ds, 0)
