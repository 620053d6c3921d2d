"""Files are whole or not there; one that is neither is named, set aside and never shown."""

import errno
import io
import os
import stat
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from test_runs import TINY, change, quiet, trained

from icl import runs, store, training
from icl.runs import Store, to_dataset, to_netcdf
from icl.settings import SEEDS

CONTENTS = [b"", b"x", b"icl-sha256:", bytes(range(256)) * 300]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A stored run: its file's bytes and its curves."""
    root = tmp_path_factory.mktemp("whole")
    curves = quiet(TINY, 1, root)
    return Store(root).path(TINY, 0).read_bytes(), curves


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_what_is_written_is_read(content, tmp_path):
    path = tmp_path / "a folder" / "file"
    assert store.read(path) is None
    store.write(path, b"before")
    store.write(path, content)
    assert store.read(path) == content
    assert path.read_bytes().startswith(content)
    assert names(path.parent) == ["file"]
    assert path.stat().st_mode & 0o777 == 0o644


def assert_set_aside(path, data):
    with pytest.raises(store.CorruptFile) as error:
        store.read(path)
    assert str(error.value) == (
        f"{path} cannot be used: it is cut short or altered; set aside as {path.name}.corrupt"
    )
    assert not path.exists()
    assert path.with_name(path.name + ".corrupt").read_bytes() == data
    assert store.read(path) is None


@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_a_file_cut_short_anywhere_is_set_aside(content, tmp_path):
    path = tmp_path / "file"
    store.write(path, content)
    data = path.read_bytes()
    for length in {0, 1, 74, 75, len(data) // 2, len(data) - 1} - {len(data)}:
        path.write_bytes(data[:length])
        assert_set_aside(path, data[:length])


def test_a_file_with_more_at_its_end_is_set_aside(tmp_path):
    path = tmp_path / "file"
    store.write(path, b"content")
    data = path.read_bytes()
    for more in (b"\0", data):
        path.write_bytes(data + more + b"\n")
        assert_set_aside(path, data + more + b"\n")


def test_any_flipped_bit_is_seen(tmp_path):
    path = tmp_path / "file"
    store.write(path, b"content")
    data = path.read_bytes()
    for bit in range(8 * len(data)):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        path.write_bytes(altered)
        with pytest.raises(store.CorruptFile):
            store.read(path)


def test_a_file_that_cannot_be_set_aside_is_not_read_either(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"neither")

    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(store.CorruptFile) as error:
        store.read(path)
    assert str(error.value) == (
        f"{path} cannot be used: it is cut short or altered; "
        "it could not be set aside: Read-only file system"
    )


def test_what_is_no_file_is_an_error_in_one_line(tmp_path):
    with pytest.raises(store.StoreError, match=r"^cannot read \S+: Is a directory$"):
        store.read(tmp_path)


# -- a disk that is full, a folder that cannot be written -----------------------------------------


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class HalfWritten(io.FileIO):
    """Takes half of what is written, as a disk that fills up does."""

    def write(self, data):
        super().write(data[: len(data) // 2])
        full()


def on_write(monkeypatch):
    monkeypatch.setattr(os, "fdopen", HalfWritten)


def on_sync(monkeypatch):
    monkeypatch.setattr(os, "fsync", full)


def on_rename(monkeypatch):
    monkeypatch.setattr(Path, "replace", full)


@pytest.mark.parametrize("when", [on_write, on_sync, on_rename])
def test_a_full_disk_changes_nothing(when, tmp_path, monkeypatch):
    path = tmp_path / "file"
    store.write(path, b"before")
    when(monkeypatch)
    with pytest.raises(store.StoreError) as error:
        store.write(path, b"after" * 1000)
    monkeypatch.undo()
    assert str(error.value) == (
        f"cannot write {path}: No space left on device; nothing was changed"
    )
    assert store.read(path) == b"before"
    assert names(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_synced_holds_the_file_all_the_same(tmp_path, monkeypatch):
    """Some mounts refuse it; the file is in its place by then."""
    sync = os.fsync

    def refuse_folders(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(handle)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    store.write(tmp_path / "file", b"content")
    assert store.read(tmp_path / "file") == b"content"
    assert names(tmp_path) == ["file"]


def test_a_file_is_replaced_by_the_bytes_given(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    store.replace(path, b"after")
    assert path.read_bytes() == b"after"
    assert names(tmp_path) == ["file"]


def test_a_run_on_a_full_disk_goes_on_when_there_is_space(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)
    write, writes = store.write, []

    def write_until_full(path, content):
        writes.append(path)
        if len(writes) > 8:
            monkeypatch.setattr(os, "fdopen", HalfWritten)
        write(path, content)

    monkeypatch.setattr(store, "write", write_until_full)
    with pytest.raises(store.StoreError, match=r"^cannot write \S+: No space left on device; "):
        quiet(TINY, 1, tmp_path)
    monkeypatch.undo()
    assert Store(tmp_path).checkpoint(TINY, 0).step == 7
    xr.testing.assert_identical(quiet(TINY, 1, tmp_path), whole[1])


def test_a_store_below_a_file_is_an_error_in_one_line(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(store.StoreError, match=r"^cannot write \S+: Not a directory$"):
        store.write(tmp_path / "file" / "run" / "0.nc", b"")
    with pytest.raises(store.StoreError, match=r"^cannot (read|write) \S+: Not a directory$"):
        quiet(TINY, 1, tmp_path / "file")


# -- runs whose files were damaged or mixed up ----------------------------------------------------


def flipped(data, rng):
    altered = bytearray(data)
    altered[rng.integers(len(data))] ^= 1 << rng.integers(8)
    return bytes(altered)


def damages(data):
    rng = np.random.default_rng(0)
    yield from (data[: rng.integers(len(data))] for _ in range(5))
    yield b""
    yield from (flipped(data, rng) for _ in range(50))


def test_a_damaged_run_is_named_set_aside_and_computed_again(tmp_path, capsys, whole):
    data, curves = whole
    path = Store(tmp_path).path(TINY, 0)
    path.parent.mkdir()
    for damaged in damages(data):
        path.write_bytes(damaged)
        with pytest.raises(store.CorruptFile, match="cut short or altered; set aside"):
            Store(tmp_path).load(TINY, 0)
        assert names(path.parent) == ["0.nc.corrupt"]
        assert path.with_name("0.nc.corrupt").read_bytes() == damaged
    for damaged in (data[:-1], flipped(data, np.random.default_rng(1))):
        path.write_bytes(damaged)
        xr.testing.assert_identical(quiet(TINY, 1, tmp_path), curves)
        out, err = capsys.readouterr()
        assert (out + err).splitlines() == [
            f"warning: {path} cannot be used: it is cut short or altered; "
            "set aside as 0.nc.corrupt; it is computed again"
        ]
        assert path.with_name("0.nc.corrupt").read_bytes() == damaged
        xr.testing.assert_identical(quiet(TINY, 1, tmp_path), curves)
        assert capsys.readouterr() == ("", "")


def bits(dataset):
    """All that a data set holds, with every type."""
    variables = {n: (v.dims, v.dtype, v.values.tobytes()) for n, v in dataset.variables.items()}
    attributes = {n: (np.asarray(value).dtype, value) for n, value in dataset.attrs.items()}
    return variables, attributes


@pytest.mark.parametrize("write", [runs._write_classic, runs._write_compressed])
@pytest.mark.parametrize("seed", [0, SEEDS - 1])
def test_a_file_holds_every_bit(write, seed, tmp_path):
    dataset = to_dataset(TINY, seed, trained(TINY, seed), "fast")
    dataset["icl_loss"][0] = np.nan
    write(dataset, tmp_path / "run.nc")
    content = (tmp_path / "run.nc").read_bytes()
    assert bits(xr.load_dataset(content, engine="netcdf4")) == bits(dataset)


def test_maps_and_matrices_are_compressed():
    dataset = xr.Dataset({"map1": (("step", "query", "key"), np.zeros((9, 99, 99)))})
    assert len(to_netcdf(dataset)) < dataset.nbytes / 10


def test_a_file_of_curves_is_hardly_larger_than_they_are():
    records = {f"curve {n}": ("step", np.random.default_rng(n).random(301)) for n in range(12)}
    dataset = xr.Dataset(records, {"step": np.arange(301)}, {"config": TINY.model_dump_json()})
    assert dataset.nbytes < len(to_netcdf(dataset)) < 1.1 * dataset.nbytes


def stored_as(run, seed, **attributes):
    """The bytes of a whole and sound file, with some attributes altered."""
    dataset = to_dataset(run, seed, trained(run, seed), "fast")
    return to_netcdf(dataset.assign_attrs(attributes))


STRANGERS = {
    "another seed": lambda: stored_as(TINY, 1),
    "another setting": lambda: stored_as(change(TINY, "task", eps=0.2), 0),
    "another version": lambda: stored_as(TINY, 0, version=runs.VERSION + 1),
    "an unknown setting": lambda: stored_as(TINY, 0, config='{"task": {"fun": 1}}'),
}


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_another_runs_file_is_not_shown(stranger, tmp_path, capsys, whole):
    path = Store(tmp_path).path(TINY, 0)
    store.write(path, stranger())
    data = path.read_bytes()
    xr.testing.assert_identical(quiet(TINY, 1, tmp_path), whole[1])
    out, err = capsys.readouterr()
    assert (out + err).splitlines() == [
        f"warning: {path} cannot be used: it holds another run, or one of another version; "
        "set aside as 0.nc.corrupt; it is computed again"
    ]
    assert path.with_name("0.nc.corrupt").read_bytes() == data


def half_done(root, seed=0, config=TINY):
    """The bytes of a run's checkpoint at step 7."""
    state = training.start(config.task, config.model, config.training, seed)
    recorder = training.Recorder(config.task, config.training, seed)
    worker = runs._engine(
        "fast", [runs.World(config.task, seed)], config.model, config.training.batch, "cpu"
    )

    def save(state, _):
        Store(root).save_checkpoint(config, seed, state)
        if state.step == 7:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "CHECKPOINT_SECONDS", -1.0)
        with pytest.raises(KeyboardInterrupt):
            training.advance(worker, [state], [recorder], config.training, save, lambda n: None)
    return Store(root).checkpoint_path(config, seed).read_bytes()


def test_a_damaged_checkpoint_is_named_and_the_run_starts_again(tmp_path, capsys, whole):
    data = half_done(tmp_path)
    path = Store(tmp_path).checkpoint_path(TINY, 0)
    for damaged in damages(data):
        path.write_bytes(damaged)
        assert Store(tmp_path).checkpoint(TINY, 0) is None
        out, err = capsys.readouterr()
        assert (out + err).splitlines() == [
            f"warning: {path} cannot be used: it is cut short or altered; "
            "set aside as 0.checkpoint.npz.corrupt; the run starts again"
        ]
        assert path.with_name("0.checkpoint.npz.corrupt").read_bytes() == damaged
    path.write_bytes(flipped(data, np.random.default_rng(1)))
    xr.testing.assert_identical(quiet(TINY, 1, tmp_path), whole[1])


@pytest.mark.parametrize("other", [(1, TINY), (0, change(TINY, "task", eps=0.2))])
def test_another_runs_checkpoint_is_not_gone_on_with(other, tmp_path, capsys, whole):
    seed, config = other
    data = half_done(tmp_path / "other", seed, config)
    path = Store(tmp_path).checkpoint_path(TINY, 0)
    path.parent.mkdir()
    path.write_bytes(data)
    xr.testing.assert_identical(quiet(TINY, 1, tmp_path), whole[1])
    out, err = capsys.readouterr()
    assert (out + err).splitlines() == [
        f"warning: {path} cannot be used: it holds another run, {config.name}/{seed}; "
        "set aside as 0.checkpoint.npz.corrupt; the run starts again"
    ]


@pytest.mark.parametrize("forgotten", [True, False], ids=["a new measure", "a removed measure"])
def test_a_checkpoint_with_other_measures_is_not_gone_on_with(forgotten, tmp_path, capsys, whole):
    half_done(tmp_path)
    to = Store(tmp_path)
    state, path = to.checkpoint(TINY, 0), to.checkpoint_path(TINY, 0)
    assert capsys.readouterr().err == ""
    for record in state.records:
        if forgotten:
            del record["icl_loss"]
        else:
            record["icl_risk"] = record["icl_loss"]
    to.save_checkpoint(TINY, 0, state)
    xr.testing.assert_identical(quiet(TINY, 1, tmp_path), whole[1])
    assert capsys.readouterr().err.splitlines() == [
        f"warning: {path} cannot be used: it has other measures than this version: "
        f"{'icl_loss' if forgotten else 'icl_risk'}; "
        "set aside as 0.checkpoint.npz.corrupt; the run starts again"
    ]
