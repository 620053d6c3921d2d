"""What a sweep shows: steps that are made, steps that were made before, and those not needed."""

import pytest

from icl.board import Board
from icl.plan import Unit
from icl.runs import RunConfig
from icl.task import Task
from icl.training import Training
from icl.worker import Outcome

STEPS = 40


@pytest.fixture
def unit():
    config = RunConfig(task=Task(K=64), training=Training(steps=STEPS, every=20))
    return Unit("tiny", "", config, 0)


@pytest.fixture
def board(unit):
    other = Unit(unit.experiment, unit.label, unit.config, 1)
    with Board({unit.key: unit, other.key: other}, progress=True) as board:
        yield board


def shown(board):
    """Steps done, those of them that cost nothing here, and all steps."""
    return board._bar.n, board._bar.initial, board._bar.total


def test_steps_are_counted_and_those_of_a_checkpoint_are_free(board, unit):
    assert shown(board) == (0, 0, 2 * STEPS)
    board.tell(unit.key, 20, True)
    assert shown(board) == (20, 20, 2 * STEPS)
    board.tell(unit.key, 10, False)
    assert shown(board) == (30, 20, 2 * STEPS)


def test_a_run_that_starts_again_elsewhere_counts_once(board, unit):
    board.tell(unit.key, 20, True)
    board.tell(unit.key, 10, False)
    board.tell(unit.key, 20, True)
    board.tell(unit.key, 30, False)
    assert shown(board) == (STEPS, 20, 2 * STEPS)


@pytest.mark.parametrize("kind", ["done", "stored", "failed"])
def test_steps_that_an_ended_run_did_not_need_are_no_longer_to_be_made(board, unit, kind, capsys):
    board.tell(unit.key, 10, False)
    board.end(unit, Outcome(kind, "no space"))
    assert shown(board) == (10, 0, STEPS + 10)
    failed = kind == "failed"
    assert f"1/2 runs, {int(failed)} failed" in board._bar.postfix
    assert (f"failed: {unit}: no space" in capsys.readouterr().err) is failed


@pytest.mark.parametrize("kind", ["stopped", "locked"])
def test_a_run_that_is_left_is_still_to_be_made(board, unit, kind):
    board.tell(unit.key, 10, False)
    board.end(unit, Outcome(kind))
    assert shown(board) == (10, 0, 2 * STEPS)
    assert "0/2 runs" in board._bar.postfix


def test_warnings_of_a_run_are_shown(board, unit, capsys):
    board.end(unit, Outcome("done", warnings="results/a.nc is corrupt"))
    assert "results/a.nc is corrupt\n" in capsys.readouterr().err


def test_without_progress_nothing_is_drawn_but_a_failure_is_told(unit, capsys):
    with Board({unit.key: unit}, progress=False) as board:
        board.tell(unit.key, 10, False)
        board.end(unit, Outcome("failed", "no space"))
    assert capsys.readouterr().err == f"failed: {unit}: no space\n"
