"""The README's picture is written whole, or refused in one line."""

import matplotlib.pyplot as plt
import pytest

from icl import store
from icl.figures import __main__ as picture


@pytest.fixture
def drawn(monkeypatch):
    """An empty figure, without the runs."""
    monkeypatch.setattr(picture, "load_or_train", lambda *_: None)
    figure = plt.figure()
    monkeypatch.setattr(picture.curves, "progress", lambda *_, **__: (figure, None))
    yield
    plt.close(figure)


@pytest.mark.parametrize("arguments", [[], ["a.svg", "b.svg"]])
def test_without_a_file_the_usage_is_told(arguments, capsys):
    assert picture.main(arguments) == 2
    assert capsys.readouterr().err == "usage: python -m icl.figures FILE.svg\n"


def test_the_picture_takes_the_place_of_the_one_before(drawn, tmp_path, monkeypatch):
    path, written = tmp_path / "picture.svg", []
    replace = store.replace
    monkeypatch.setattr(store, "replace", lambda *a: (written.append(a[0]), replace(*a)))
    path.write_text("before")
    assert picture.main([str(path)]) == 0
    assert written == [path]
    assert path.read_text().startswith("<?xml")


def test_a_store_that_cannot_be_used_is_told_in_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ICL_STORE", str(tmp_path / "file" / "store"))
    assert picture.main([str(tmp_path / "picture.svg")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: cannot ")
    assert error.count("\n") == 1


def test_a_file_that_cannot_be_written_is_told_in_one_line(drawn, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert picture.main([str(tmp_path / "file" / "picture.svg")]) == 2
    assert capsys.readouterr().err.startswith("error: cannot write ")
