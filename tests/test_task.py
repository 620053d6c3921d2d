"""The data is what section 2 says, for every admissible setting."""

import inspect
import itertools
import math
from typing import get_args

import numpy as np
import pytest
from admissible import tasks
from chance import assert_counts_fit, assert_fraction, assert_mean, assert_normal
from hypothesis import given
from hypothesis import strategies as st

from icl import task as task_module
from icl.settings import InputError
from icl.task import BLOCK, Kind, Stream, Task, World, generator, normals

PROBES = ["icl", "swapped", "iwl", "iwl_absent", "rank"]


def draw(task, n, seed=0, size=4096):
    """Classes of n training sequences, shape (n, N+1), target last; and their kinds."""
    world = World(task, seed)
    batches = [world.batch(step, size) for step in range(math.ceil(n / size))]
    classes = np.concatenate([batch.classes for batch in batches])[:n]
    return classes, np.concatenate([batch.kind for batch in batches])[:n]


def rank_frequency(K, alpha):
    f = [k**-alpha for k in range(1, K + 1)]
    return np.array([x / sum(f) for x in f])


# -- every sequence -----------------------------------------------------------------------------


@given(task=tasks(), seed=st.integers(0, 9), step=st.integers(0, 3 * BLOCK))
def test_shapes_labels_and_windows(task, seed, step):
    world = World(task, seed)
    for name in [None, *PROBES]:
        s = world.batch(step, 16) if name is None else world.probe(name, 16)
        assert len(s) == 16
        assert s.items.shape == (16, task.N + 1, task.D)
        assert s.labels.shape == (16, task.N)
        assert s.items.dtype == np.float32
        assert np.isfinite(s.items).all()
        assert s.window.min() >= 0
        assert s.window.max() + 2 * task.N + 1 <= task.P
        novel = s.kind == Kind.NOVEL
        assert (s.classes >= np.where(novel, task.K, 0)[:, None]).all()
        assert (s.classes < np.where(novel, task.K + task.novel, task.K)[:, None]).all()
        shown = np.column_stack([s.labels, s.target])
        assert (shown == (s.classes + (name == "swapped")) % task.L).all()


@given(task=tasks(), seed=st.integers(0, 9), step=st.integers(0, 3 * BLOCK))
def test_bursty_contexts_hold_each_class_and_label_equally_often(task, seed, step):
    world = World(task, seed)
    copies = task.B or 1  # the probes of B = 0 show the target's class once
    for s in (world.batch(step, 32), world.probe("icl", 32), world.probe("swapped", 32)):
        for i in np.flatnonzero(s.kind != Kind.IID):
            context, target = s.classes[i, :-1].tolist(), s.classes[i, -1]
            assert context.count(target) == copies
            assert {context.count(c) for c in context} == {copies}
            labels = s.labels[i].tolist()
            if task.distinct:
                assert {labels.count(label) for label in labels} == {copies}
                assert len(set(labels)) == task.N // copies
            assert len(set(context)) == task.N // copies
            assert s.right[i].tolist() == [c == target for c in context]
            assert set(s.labels[i][s.right[i]]) == {s.target[i]}


@given(task=tasks(), seed=st.integers(0, 9), step=st.integers(0, 3 * BLOCK))
def test_kinds_are_those_asked_for(task, seed, step):
    kinds = set(World(task, seed).batch(step, 32).kind.tolist())
    possible = {Kind.NOVEL: task.p_C > 0}
    possible[Kind.BURSTY] = task.B > 0 and task.p_B > 0 and task.p_C < 1
    possible[Kind.IID] = (task.B == 0 or task.p_B < 1) and task.p_C < 1
    assert kinds <= {kind for kind, allowed in possible.items() if allowed}


@pytest.mark.parametrize(("p_B", "p_C"), [(1.0, 0.8), (0.5, 0.0), (0.9, 0.2), (0.0, 0.3)])
def test_p_B_and_p_C_are_fractions(p_B, p_C):
    _, kind = draw(Task(K=8, L=4, N=2, p_B=p_B, p_C=p_C, D=1), 40_000)
    assert_fraction(kind == Kind.NOVEL, p_C)
    trained = kind[kind != Kind.NOVEL]
    assert_fraction(trained == Kind.BURSTY, p_B)  # of the sequences of trained classes


def test_every_window_is_as_likely():
    window = World(Task(K=4, L=4, N=2, D=1, P=12), 0).batch(0, 20_000).window
    assert_counts_fit(np.bincount(window), np.full(8, 1 / 8))


def test_the_only_window_of_a_full_length_sequence():
    assert set(World(Task(K=4, L=4, N=2, D=1, P=5), 0).batch(0).window) == {0}


@given(task=tasks(), seed=st.integers(0, 9))
def test_tokens_are_position_then_content(task, seed):
    world = World(task, seed)
    s = world.batch(0, 8)
    u = world.tokens(s)
    assert u.shape == (8, 2 * task.N + 1, task.P + task.D)
    for i in range(8):
        for t in range(2 * task.N + 1):
            position = [0.0] * task.P
            position[s.window[i] + t] = 1.0
            pair, is_label = divmod(t, 2)
            content = world.label_contents[s.labels[i, pair]] if is_label else s.items[i, pair]
            assert u[i, t].tolist() == [*position, *content]


# -- which classes ------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 1.0, 1.5])
@pytest.mark.parametrize("B", [0, 1, 2])
def test_target_class_follows_the_rank_frequency(alpha, B):
    classes, _ = draw(Task(K=64, L=8, N=4, B=B, alpha=alpha, D=1), 60_000)
    assert_counts_fit(np.bincount(classes[:, -1], minlength=64), rank_frequency(64, alpha))


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_iid_sequences_are_independent(alpha):
    classes, _ = draw(Task(K=4, L=2, N=2, p_B=0.0, alpha=alpha, D=1), 40_000)
    f = rank_frequency(4, alpha)
    counts = np.zeros((4, 4, 4))
    np.add.at(counts, tuple(classes.T), 1)
    assert_counts_fit(counts, np.einsum("i,j,k->ijk", f, f, f))


def sequential_draw(f, L, distinct):
    """P(target's class, set of the others): one by one from f, each with a label not yet taken."""
    p = {}
    for order in itertools.permutations(range(len(f)), distinct):
        if len({c % L for c in order}) < distinct:
            continue
        probability, taken = 1.0, set()
        for c in order:
            free = sum(f[k] for k in range(len(f)) if k % L not in taken)
            probability *= f[c] / free
            taken.add(c % L)
        key = (order[0], frozenset(order[1:]))
        p[key] = p.get(key, 0.0) + probability
    return p


def assert_sequential(classes, f, L, distinct, first=0):
    p = sequential_draw(f, L, distinct)
    counts = dict.fromkeys(p, 0)
    for *context, target in (classes - first).tolist():
        counts[target, frozenset(context) - {target}] += 1
    assert_counts_fit(list(counts.values()), list(p.values()))


@pytest.mark.parametrize(
    ("K", "L", "N", "B"), [(6, 3, 2, 1), (6, 3, 4, 2), (8, 4, 3, 1), (6, 3, 3, 1)]
)
@pytest.mark.parametrize("alpha", [0.0, 1.5])
def test_other_classes_of_a_bursty_context(K, L, N, B, alpha):
    task = Task(K=K, L=L, N=N, B=B, alpha=alpha, D=1)
    classes, _ = draw(task, 30_000)
    assert_sequential(classes, rank_frequency(K, alpha), L, N // B)
    swapped = World(task, 0).probe("swapped", 30_000).classes
    assert_sequential(swapped, rank_frequency(K, alpha), L, N // B)


@pytest.mark.parametrize("novel", [8, 10])  # 10 classes on 4 labels: some labels have three
def test_novel_classes_are_equally_frequent(novel):
    task = Task(K=4, L=4, N=4, B=2, p_C=1.0, alpha=1.5, D=1, novel=novel)
    classes, _ = draw(task, 30_000)
    assert_sequential(classes, np.full(novel, 1 / novel), 4, 2, first=4)
    probed = World(task, 0).probe("icl", 30_000).classes
    assert_sequential(probed, np.full(novel, 1 / novel), 4, 2, first=4)


@pytest.mark.parametrize("alpha", [0.0, 1.5])
def test_labels_may_repeat_where_they_need_not_be_distinct(alpha):
    task = Task(K=6, L=2, N=3, B=1, alpha=alpha, D=1, novel=5, distinct=False)
    f, pool = rank_frequency(6, alpha), np.full(5, 1 / 5)
    # A class not yet taken is a label not yet taken where each class has a label of its own.
    assert_sequential(draw(task, 30_000)[0], f, 6, 3)
    assert_sequential(World(task, 0).probe("swapped", 30_000).classes, f, 6, 3)
    assert_sequential(World(task, 0).probe("icl", 30_000).classes, pool, 5, 3, first=6)
    assert_sequential(draw(task.replace(p_C=1.0), 30_000)[0], pool, 5, 3, first=6)


def test_copies_stand_in_random_places():
    classes, _ = draw(Task(K=3, L=3, N=6, B=2, D=1), 30_000)
    counts = {}
    for *context, target in classes.tolist():
        places = tuple(i for i, c in enumerate(context) if c == target)
        counts[places] = counts.get(places, 0) + 1
    assert len(counts) == 15  # two places of six
    assert_counts_fit(list(counts.values()), np.full(15, 1 / 15))


@pytest.mark.parametrize("alpha", [0.0, 1.0, 3.0])
def test_absent_classes_are_those_of_f_but_for_the_targets(alpha):
    classes = World(Task(K=4, L=2, N=2, alpha=alpha, D=1), 0).probe("iwl_absent", 40_000).classes
    f = rank_frequency(4, alpha)
    p = np.zeros((4, 4, 4))
    for a, b, target in itertools.product(range(4), repeat=3):
        if target not in (a, b):
            p[a, b, target] = f[target] * f[a] * f[b] / (1 - f[target]) ** 2
    counts = np.zeros((4, 4, 4))
    np.add.at(counts, tuple(classes.T), 1)
    assert_counts_fit(counts, p)


@given(task=tasks(), seed=st.integers(0, 9))
def test_absent_and_rank_probes_never_show_the_target_class(task, seed):
    for name in ("iwl_absent", "rank"):
        assert not World(task, seed).probe(name, 64).right.any()


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_iwl_probe_is_the_training_distribution(alpha):
    s = World(Task(K=4, L=2, N=2, alpha=alpha, D=1), 0).probe("iwl", 40_000)
    f = rank_frequency(4, alpha)
    counts = np.zeros((4, 4, 4))
    np.add.at(counts, tuple(s.classes.T), 1)
    assert_counts_fit(counts, np.einsum("i,j,k->ijk", f, f, f))


def test_rank_bins_are_octaves():
    assert Task(K=20, L=4, N=4).rank_bins() == [(1, 1), (2, 3), (4, 7), (8, 15), (16, 20)]
    assert Task(K=64, L=32).rank_bins()[-1] == (64, 64)
    assert Task(K=2048).rank_bins()[-2:] == [(64, 127), (128, 2048)]


@given(task=tasks())
def test_rank_bins_part_the_classes(task):
    ranks = [rank for first, last in task.rank_bins() for rank in range(first, last + 1)]
    assert ranks == list(range(1, task.K + 1))


def test_the_rank_probe_asks_each_bin_equally_often_and_evenly():
    task = Task(K=20, L=4, N=4, alpha=1.5, D=1)
    rank = World(task, 0).probe("rank", 20_000).classes[:, -1] + 1
    for b, (first, last) in enumerate(task.rank_bins()):
        asked = rank[b :: len(task.rank_bins())]
        counts = np.bincount(asked, minlength=21)
        assert counts[first : last + 1].sum() == len(asked) == 4000
        if last > first:
            width = last - first + 1
            assert_counts_fit(counts[first : last + 1], np.full(width, 1 / width))


@given(task=tasks(), seed=st.integers(0, 9))
def test_the_swapped_answer_is_shown_and_is_not_the_trained_one(task, seed):
    s = World(task, seed).probe("swapped", 32)
    assert (s.target != s.classes[:, -1] % task.L).all()
    for i in range(32):
        assert set(s.labels[i][s.right[i]]) == {s.target[i]}


# -- contents -----------------------------------------------------------------------------------


def test_means_and_label_contents_have_variance_1_over_D():
    world = World(Task(K=8192, L=1024, D=3, novel=1024), 0, "float64")
    for values in (world.means, world.label_contents):
        assert_normal(values * math.sqrt(3))


@pytest.mark.parametrize("p_C", [0.0, 1.0])
def test_without_noise_items_are_their_class_means(p_C):
    world = World(Task(K=8, L=4, N=4, p_C=p_C, eps=0.0, D=16), 0, "float64")
    s = world.batch(0, 64)
    means = {}
    for c, item in zip(s.classes.ravel(), s.items.reshape(-1, 16), strict=True):
        assert (means.setdefault(int(c), item) == item).all()
    if p_C == 0:
        for c, item in means.items():
            assert (item == world.means[c]).all()
    else:
        assert_normal(np.array(list(means.values())) * 4)


@pytest.mark.parametrize("eps", [0.1, 1.6])
@pytest.mark.parametrize("p_C", [0.0, 1.0])
def test_items_are_equation_1(eps, p_C):
    noisy = World(Task(K=8, L=4, N=4, p_C=p_C, eps=eps, D=50), 0, "float64")
    s = noisy.batch(0, 200)
    if p_C:  # of one batch a novel class's mean is the mean of its items
        mean = np.zeros((noisy.task.K + noisy.task.novel, 50))
        for c in np.unique(s.classes):
            mean[c] = s.items[s.classes == c].mean(0) * math.sqrt(1 + eps**2)
        counts = np.bincount(s.classes.ravel(), minlength=len(mean))
        residual = (s.items * math.sqrt(1 + eps**2) - mean[s.classes]) / eps
        residual *= np.sqrt(counts / np.maximum(counts - 1, 1))[s.classes][:, :, None]
        eta = residual[counts[s.classes] > 5]
        assert_mean(eta**2, 1 / 50, math.sqrt(2) / 50)
    else:
        eta = (s.items * math.sqrt(1 + eps**2) - noisy.means[s.classes]) / eps
        assert_normal(eta * math.sqrt(50))
        mu = noisy.means[s.classes]
        assert_mean((eta * mu).sum(-1), 0, np.linalg.norm(mu, axis=-1).mean() / math.sqrt(50))
        assert_mean((eta[:, 0] * eta[:, 1]).sum(-1), 0, 1 / math.sqrt(50))


@pytest.mark.parametrize("eps", [0.0, 0.1, 1.6])
@pytest.mark.parametrize("p_C", [0.0, 1.0])
def test_norms_are_near_1(eps, p_C):
    items = World(Task(p_C=p_C, eps=eps, D=2000), 0).batch(0, 64).items
    squares = (items.astype(float) ** 2).sum(-1)
    assert np.abs(squares - 1).max() < 5.5 * math.sqrt(2 / 2000)
    assert abs(squares.mean() - 1) < 0.01


def assert_unrelated(a, b):
    """Vectors of variance 1/D: their products have mean 0 and variance 1/D."""
    D = a.shape[1]
    products = a @ b.T * math.sqrt(D)
    assert np.abs(products).max() < 6.5
    assert_mean(products**2, 1, math.sqrt(2 + 2 * (len(a) + len(b) + 3) / D))


def test_novel_classes_are_unrelated_to_trained_ones_and_new_each_step():
    world = World(Task(K=32, L=32, p_C=1.0, eps=0.0, D=400, novel=32), 0, "float64")
    pools = [world.means, world.label_contents]
    for s in (world.batch(0), world.batch(1), world.batch(BLOCK), world.probe("icl")):
        _, first = np.unique(s.classes, return_index=True)
        assert len(first) == 32
        pools.append(s.items.reshape(-1, 400)[first])
    for a, b in itertools.combinations(pools, 2):
        assert_unrelated(a, b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normals_are_normal(dtype):
    z = normals(generator(0, Stream.CONTENTS), 200_000, dtype)
    assert z.dtype == dtype
    assert_normal(z)
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3)):
        known = {1: 1, 2: 2, 3: 15, 4: 96}[power]  # variance of the power
        assert_mean(z.astype(float) ** power, moment, math.sqrt(known))
    for lag in (1, 2, 100_000):  # 100,000 apart: sine and cosine of one angle
        a, b = z[:-lag].astype(float), z[lag:].astype(float)
        assert_mean(a * b, 0, 1)
        assert_mean(a**2 * b**2, 1, math.sqrt(8))


@pytest.mark.parametrize("n", [0, 1, 2, 7, 1000])
def test_normals_of_both_dtypes_are_the_same_numbers(n):
    narrow, wide = generator(5, Stream.CONTENTS), generator(5, Stream.CONTENTS)
    a, b = normals(narrow, n, "float32"), normals(wide, n, "float64")
    assert len(a) == len(b) == n
    # A uniform number near 1, rounded to 24 bits, moves a small radius by up to sqrt(2^-24).
    assert np.abs(a - b).max(initial=0) < 3e-4
    assert np.median(np.abs(a - b)) < 1e-6 if n else True
    assert narrow.bit_generator.random_raw() == wide.bit_generator.random_raw()


# -- a pure function of task, seed and step -----------------------------------------------------


def same(a, b):
    return all((getattr(a, name) == getattr(b, name)).all() for name in vars(a))


@given(task=tasks(), seed=st.integers(0, 9), data=st.data())
def test_a_batch_does_not_depend_on_what_was_drawn_before(task, seed, data):
    wanted = st.tuples(st.sampled_from([0, 1, BLOCK, 3 * BLOCK]), st.sampled_from([16, 24]))
    used = World(task, seed)
    for step, size in data.draw(st.lists(wanted, min_size=4, max_size=8)):
        used.probe("icl", 10)
        assert same(used.batch(step, size), World(task, seed).batch(step, size))
    for name in PROBES:
        assert same(used.probe(name, 16), World(task, seed).probe(name, 16))


def test_numbers_of_probes_never_change(monkeypatch):
    """If this fails the curves of stored runs are of other test sets: undo what changed one."""
    drawn = []
    monkeypatch.setattr(task_module, "generator", lambda *a: drawn.append(a) or generator(*a))
    for number, name in enumerate(PROBES):  # in the order in which they came to be
        World(Task(), 7).probe(name, 8)
        assert drawn[-1] == (7, Stream.PROBE, number)
    assert set(task_module.PROBE_NUMBERS) == set(get_args(task_module.Probe))


def test_steps_seeds_and_probes_differ():
    task = Task(p_C=0.5, p_B=0.5)
    draws = [World(task, seed).batch(step) for seed in (0, 1) for step in (0, 1, BLOCK, BLOCK + 1)]
    draws += [World(task, seed).probe(name, 128) for seed in (0, 1) for name in PROBES]
    for a, b in itertools.combinations(draws, 2):
        assert (a.classes != b.classes).mean() > 0.5
        assert (a.classes[:, -1] != b.classes[:, -1]).mean() > 0.5
        assert (a.items != b.items).mean() > 0.99
    assert (World(task, 0).means != World(task, 1).means).all()


@given(task=tasks(), seed=st.integers(0, 9), step=st.integers(0, 3 * BLOCK))
def test_float32_batches_are_float64_batches_rounded(task, seed, step):
    narrow, wide = World(task, seed, "float32"), World(task, seed, "float64")
    assert (narrow.means == wide.means.astype(np.float32)).all()
    assert (narrow.label_contents == wide.label_contents.astype(np.float32)).all()
    for a, b in [(narrow.batch(step, 32), wide.batch(step, 32))] + [
        (narrow.probe(name, 32), wide.probe(name, 32)) for name in PROBES
    ]:
        assert a.items.dtype == np.float32
        assert b.items.dtype == np.float64
        assert np.abs(a.items - b.items).max() < 1e-3  # of normals, see there
        assert np.median(np.abs(a.items - b.items)) < 1e-6
        for name in ("labels", "target", "window", "classes", "kind"):
            assert (getattr(a, name) == getattr(b, name)).all()


@given(task=tasks(), seed=st.integers(0, 9))
def test_a_part_of_the_sequences(task, seed):
    s = World(task, seed).batch(0, 16)
    assert len(s[3:7]) == 4
    for name in vars(s):
        assert (getattr(s[3:7], name) == getattr(s, name)[3:7]).all()


# -- refusals -----------------------------------------------------------------------------------

REFUSALS = {
    "K=100 must be a multiple of L=32": {"K": 100},
    "N=8 must be a multiple of B=3": {"B": 3},
    "N=8 must be a multiple of B=16": {"B": 16},
    "N/B=8 distinct labels must be at most L=4": {"L": 4},
    "N/B=8 distinct labels must be at most L=4 (the ICL test of B=0 shows each class once)": {
        "L": 4,
        "B": 0,
    },
    "N/B=8 distinct classes must be at most K=4 and novel=128": {
        "K": 4,
        "L": 4,
        "distinct": False,
    },
    "N/B=8 distinct classes must be at most K=8 and novel=7": {
        "K": 8,
        "L": 4,
        "novel": 7,
        "distinct": False,
    },
    "2N+1=67 tokens must be at most P=65 positions": {"N": 33, "L": 64},
    "novel=31 classes must be at least L=32": {"novel": 31},
    "B=0 with p_C=0.5 cannot be solved: a novel class must be in its context; "
    "use B >= 1 or p_C=0": {"B": 0, "p_C": 0.5},
    "p_B=1.5 must be less than or equal to 1": {"p_B": 1.5},
    "p_B=-0.1 must be greater than or equal to 0": {"p_B": -0.1},
    "p_C=2 must be less than or equal to 1": {"p_C": 2},
    "p_C=-1 must be greater than or equal to 0": {"p_C": -1},
    "eps=-0.1 must be greater than or equal to 0": {"eps": -0.1},
    "eps=nan must be a finite number": {"eps": math.nan},
    "eps=1e+200 must be less than or equal to 1000": {"eps": 1e200},
    "alpha=-1 must be greater than or equal to 0": {"alpha": -1},
    "alpha=11 must be less than or equal to 10": {"alpha": 11},
    "K=1 must be greater than or equal to 2": {"K": 1},
    "L=1 must be greater than or equal to 2": {"L": 1},
    "N=0 must be greater than or equal to 1": {"N": 0},
    "B=-1 must be greater than or equal to 0": {"B": -1},
    "D=0 must be greater than or equal to 1": {"D": 0},
    "P=2 must be greater than or equal to 3": {"P": 2},
    "novel=0 must be greater than or equal to 1": {"novel": 0},
    "K=256.0 must be an integer": {"K": 256.0},
    "eps='0.1' must be a number": {"eps": "0.1"},
    "distinct=1 must be a boolean": {"distinct": 1},
    "unknown parameter 'epsilon'; known: K, L, N, B, p_B, p_C, alpha, eps, D, P, novel, distinct": {
        "epsilon": 0.1
    },
}


@pytest.mark.parametrize(("message", "values"), REFUSALS.items(), ids=REFUSALS)
def test_refusal(message, values):
    with pytest.raises(InputError) as refusal:
        Task(**values)
    assert str(refusal.value) == message


@pytest.mark.parametrize("seed", [-1, 2**32, 2**64])
def test_a_seed_that_is_no_number_of_32_bits_is_refused(seed):
    """NumPy would split it in two: the world of 2^32 would be drawn as the parameters of 0 are."""
    with pytest.raises(
        InputError, match=rf"^seed={seed} must be at least 0 and at most 4294967295$"
    ):
        World(Task(), seed)


@pytest.mark.parametrize("dtype", ["float16", "x"])
def test_contents_in_another_precision_are_refused(dtype):
    unchecked = inspect.unwrap(World.__init__)  # as outside the tests, which check types before
    with pytest.raises(InputError, match=rf"^dtype='{dtype}' must be 'float32' or 'float64'$"):
        unchecked(object.__new__(World), Task(), 0, dtype)


@pytest.mark.parametrize("name", PROBES)
def test_a_test_of_no_sequence_is_refused(name):
    world = World(Task(), 0)
    for size in (0, -1):
        with pytest.raises(InputError, match=rf"^size={size} must be at least 1$"):
            world.probe(name, size)
    assert len(world.probe(name, 1)) == 1


def test_the_largest_seed_and_the_largest_eps_are_drawn():
    world = World(Task(eps=1e3), 2**32 - 1)
    assert np.isfinite(world.batch(0).items).all()
    assert (world.means != World(Task(), 0).means).all()


@pytest.mark.parametrize("K", [2, 2048])
def test_the_steepest_rank_frequency_keeps_to_the_trained_classes(K):
    world = World(Task(K=K, L=2, N=2, p_B=0.5, alpha=10.0, D=1), 0)
    for s in (world.batch(0, 10_000), *(world.probe(name, 10_000) for name in PROBES[1:])):
        assert s.classes.max() < K
