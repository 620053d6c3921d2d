"""Beside the rules: what else the stored runs say, where a rule's number alone would mislead.

One function a claim, or none. Each gives a sentence or two, whatever the verdict, and an empty
string as long as the runs that it speaks of are not stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite, log

import xarray as xr

from icl import attention
from icl.analysis import (
    FATES,
    LAST_STEPS,
    LEARNED,
    ahead_of_transition,
    counted,
    crossing,
    fates,
    final,
    late_gain,
    share_of_change,
    silent_from,
    spread,
    value_at,
    wait_over,
)
from icl.rules import EARLY, LATE, PERFECT, Runs, equal_labels_minimal, near_end
from icl.runs import config_of
from icl.strategies import nearest_item
from icl.verdicts import IWL

LEVEL = 0.95  # of the intervals in a remark, whatever the page asks for
SHORTLY = 5_000  # steps before the transition: the slow phase is over, and accuracy has not risen


def fates_minimal(runs: Runs) -> str:
    """How the stored seeds of Figure 6c solve the task, and their loss; accuracy does not tell. And
    what the rule would say if elimination did not count.
    """
    ds = _found(runs, "6c")
    if ds is None:
        return ""
    ends, loss = fates(ds), final(ds, "train_loss")
    losses = (
        f"{fate} {spread(loss[(ends == fate).values], 4)}" for fate in FATES if fate in ends.values
    )
    heads_alone = ds.assign(icl_accuracy=ds.icl_accuracy.where(ends == "induction head", 0.0))
    found = [check.find(LEVEL) for check in equal_labels_minimal({"6c": {"": heads_alone}})]
    numbers = (f"{f.what}, {f.estimate}, {f.answer}" for f in found)
    return (
        f"By what the target attends to: {_counted_fates(ds)}. "
        f"Training loss at the end (nats): {', '.join(losses)}. "
        f"If induction heads alone counted as learning in context (intervals of {LEVEL:.0%}): "
        f"{'; '.join(numbers)}."
    )


def fates_full(runs: Runs) -> str:
    """The same for the full network with L = N, Figure A.5, and at which step seeds ended: of a run
    that the stop rule ended, it was learned by then.
    """
    words = []
    for N in (8, 4, 2):
        equal, *more = (_found(runs, "A.5", f"N={N}, L={m * N}") for m in (1, 2, 4))
        if equal is None:
            continue
        ended = [f"at step {spread(equal.stopped_at, 0)} with L=N"]
        if stops := [ds.stopped_at for ds in more if ds is not None]:
            ended.append(f"at {spread(xr.concat(stops, 'seed'), 0)} with L > N")
        words.append(
            f"L=N={N}, {_counted_fates(equal)}{_of_neither(equal)}, and seeds ended "
            f"{' and '.join(ended)}"
        )
    return f"By what the target attends to: {'; '.join(words)}." if words else ""


def _of_neither(ds: xr.Dataset) -> str:
    """Whether seeds that did not learn in context wait, learned by heart, or were cut short."""
    others = ds.isel(seed=fates(ds).values == "neither")
    if not others.sizes["seed"]:
        return ""
    guess = log(config_of(ds).task.classes_in_context)
    loss = ", ".join(f"{value:.3f}" for value in sorted(final(others, "train_loss").values))
    late = crossing(others).dropna("seed")
    passed = f"; 50% is passed at step {spread(late, 0)}" if late.size else ""
    return (
        f" (of neither the training loss ends at {loss} nats, where guessing a label of the "
        f"context costs {guess:.3f}{passed})"
    )


def bursty_in_part(runs: Runs) -> str:
    """What non-bursty sequences change at K=1024, where without them the context wins."""
    found = {
        "p_B=0.9": _found(runs, "p_B-control", "p_B=0.9"),
        "p_B=1": _found(runs, "2b", "eps=0.1"),
    }
    said = _one_by_one(found, _both_ends) if found["p_B=0.9"] is not None else ""
    return f"With K=1024: {said}." if said else ""


def with_novel(runs: Runs) -> str:
    """When seeds learn in context with novel classes and without, and where both accuracies end."""
    found = {
        "with novel classes": _found(runs, "p_C", "p_C=0.8"),
        "without": _found(runs, "2c", "alpha=0.0"),
        "with novel classes and no biases": _found(runs, "p_C-unbiased", "p_C=0.8"),
        "without both": _found(runs, "p_C-unbiased", "p_C=0"),
    }

    def words(ds: xr.Dataset) -> str:
        most = crossing(ds, PERFECT)
        all_the_way = (
            f"{PERFECT:.0%} at {spread(most, 0)}"
            if most.notnull().any()
            else f"never {PERFECT:.0%}"
        )
        return (
            f"the wait at 1/L is over at step {spread(wait_over(ds), 0)}, seeds pass 50% at "
            f"{spread(crossing(ds), 0)} and {all_the_way}, and end with {_both_ends(ds)}"
        )

    said = _one_by_one(found, words) if found["with novel classes"] is not None else ""
    return f"{said[0].upper()}{said[1:]}." if said else ""


def steep_late(runs: Runs) -> str:
    """Whether ICL is lost at steep alpha or late: what it gained last, where alpha=1 ends, and
    where seeds of alpha=1.25 end that were trained for longer.
    """
    scan = runs.get("2c", {})
    if not (gains := _steep_gains(scan)):
        return ""
    words = [f"In the last {LAST_STEPS:,} steps before seeds ended ICL accuracy rose by: {gains}."]
    if (zipf := scan.get("alpha=1.0")) is not None:
        words.append(f"At alpha=1 it ends at {spread(final(zipf, 'icl_accuracy'))}.")
    if (longer := _found(runs, "2c-long", "alpha=1.25")) is not None:
        words.append(f"{_longer_ends('alpha=1.25', longer)}.")
    return " ".join(words)


def still_rising(runs: Runs) -> str:
    """What ICL gained in Figure A.3 in the last steps before each seed ended, at alpha=1 and above;
    where seeds of alpha=1 end that went on without the stop rule, and those of smaller alpha.
    """
    ds = _found(runs, "A.3c", "alpha=1.0")
    if ds is None:
        return ""
    words = (
        f"At alpha=1 seeds ended at step {spread(ds.stopped_at, 0)}; in the {LAST_STEPS:,} steps "
        f"before that their ICL accuracy rose by {spread(late_gain(ds), 3)}."
    )
    longer = _found(runs, "A.3-long", "alpha=1.0")
    if longer is not None:
        words += (
            f" Without the stop rule {counted(longer.sizes['seed'], 'seed')} end, after "
            f"{int(longer.step.max()):,} steps, with {_both_ends(longer)}."
        )
    scan = runs["A.3c"]
    flat = {label: d for label, d in scan.items() if config_of(d).task.alpha < 1}
    if gains := _steep_gains(scan):
        words += f" At steeper alpha it rose in these steps by: {gains}."
    if ends := _one_by_one(flat, lambda d: spread(final(d, "icl_accuracy"))):
        words += f" The rule leaves smaller alpha out; ICL accuracy there: {ends}."
    return words


def _steep_gains(scan: Mapping[str, xr.Dataset]) -> str:
    """What ICL gained last at each alpha above 1."""
    steep = {label: ds for label, ds in scan.items() if config_of(ds).task.alpha > 1}
    return _one_by_one(steep, lambda ds: spread(late_gain(ds), 3))


def tied_outset(runs: Runs) -> str:
    """What a tied classifier knows before any training: CLA and ICL accuracy, beside an untied."""
    found = {"tied": _found(runs, "tied", "xi0=1"), "untied": _found(runs, "6a")}

    def words(ds: xr.Dataset) -> str:
        cla, icl = (ds[name].isel(step=0) for name in ("context_label_accuracy", "icl_accuracy"))
        return f"CLA {spread(cla)} and ICL accuracy {spread(icl, 3)}"

    said = _one_by_one(found, words)
    return f"Before any training: {said}." if said else ""


def waiting(runs: Runs) -> str:
    """How Figure 3's seeds end that have had their transition, and those that have not; and those
    that were given more steps.
    """
    ds = _found(runs, "3")
    if ds is None:
        return ""
    reached = crossing(ds).notnull().values
    end = final(ds, "icl_accuracy")
    others = "" if reached.all() else f"; the others end at {spread(end[~reached], 3)}"
    others += _silent(ds.isel(seed=~reached))
    words = (
        f"Of {counted(len(reached), 'seed')} {reached.sum()} reach 50% and end at "
        f"{spread(end[reached], 3)}{others}."
    )
    slow = crossing(ds, 0.25) - wait_over(ds)
    words += (
        " The rise from 25% to 75% takes, as a share of the slow phase alone, from half-way to 1/N "
        f"until 25%, {spread((crossing(ds, 0.75) - crossing(ds, 0.25)) / slow, 3)}."
    )
    return " ".join([words, *(_given_longer(longer) for longer in runs.get("3-long", {}).values())])


def slow_phases(runs: Runs) -> str:
    """How long the slow phase is in the minimal model and in the full network, and the wait."""
    found = {"three parameters": _found(runs, "6a"), "full network": _found(runs, "3")}

    def words(ds: xr.Dataset) -> str:
        slow = crossing(ds) - wait_over(ds)
        return f"{spread(slow, 0)} steps, after a wait of {spread(wait_over(ds), 0)}"

    said = _one_by_one(found, words)
    return f"From half-way to 1/N until 50%: {said}." if said else ""


def _given_longer(ds: xr.Dataset) -> str:
    ends = zip(ds.seed.values, crossing(ds).values, final(ds, "icl_accuracy").values, strict=True)
    words = [
        (f"seed {seed} passes 50% at step {when:,.0f}" if isfinite(when)
         else f"seed {seed} does not pass 50%") + f" and ends at {end:.3f}"
        for seed, when, end in ends
    ]  # fmt: skip
    return f"Given {int(ds.step.max()):,} steps, {'; '.join(words)}."


def shortly_before(runs: Runs) -> str:
    """How far seeds of Figure 3 are half-way to the transition, where some have learned nothing
    yet, and what their maps show shortly before it.
    """
    ds = _found(runs, "3")
    if ds is None:
        return ""
    when = ahead_of_transition(ds, SHORTLY)
    numbers = {
        "layer 1 off uniform": attention.read(ds, "map1", when, attention.off_uniform),
        "right label's attention less the mean other's": attention.read(
            ds, "row2", when, attention.right_less_others
        ),
        "attention to all labels together (TLA2)": value_at(ds, "target_labels_association", when),
    }
    words = (f"{name}, {spread(values, 3)}" for name, values in numbers.items())
    half = crossing(ds) / 2
    return (
        f"Half-way, where the rule looks, {int((half < wait_over(ds)).sum())} of "
        f"{counted(int(half.notnull().sum()), 'seed')} still wait at 1/L, and CLA is "
        f"{spread(value_at(ds, 'context_label_accuracy', half))}. "
        f"{SHORTLY:,} steps before the transition: {'; '.join(words)}."
    )


def later_in_the_rise(runs: Runs) -> str:
    """CLA at other multiples of 1/N than the rule's."""
    ds = _found(runs, "3")
    if ds is None:
        return ""
    N = config_of(ds).task.classes_in_context
    words = (
        f"{m}/N, {spread(value_at(ds, 'context_label_accuracy', crossing(ds, m / N)), 3)}"
        for m in (2, 3, 4)
    )
    return f"CLA when ICL accuracy is {'; '.join(words)}."


def early_rise(runs: Runs) -> str:
    """How much of its change TLA2 has made when ICL accuracy leaves the slow phase, at 2/N."""
    ds = _found(runs, "3")
    if ds is None:
        return ""
    when = crossing(ds, 2 / config_of(ds).task.classes_in_context)
    shares = (
        f"{short} {spread(share_of_change(ds, measure, when))}"
        for measure, short in (EARLY | LATE).items()
    )
    return f"Share of its change that each has made when ICL accuracy is 2/N: {'; '.join(shares)}."


def forgetting(runs: Runs) -> str:
    """How far IWL, class absent, ends below its highest where ICL was learned; and the training
    loss when ICL came near its end, which says how much was left to learn.

    The claim is about data without novel classes; runs with them are stored for other figures.
    """
    found = {
        "alpha=1": _found(runs, "2c", "alpha=1.0"),
        "Figure 1d": _found(runs, "1d"),
        **{f"with novel classes, Figure {name}": _found(runs, name) for name in ("3", "6a", "6b")},
    }

    def words(ds: xr.Dataset) -> str:
        return f"by {spread(ds[IWL].max('step') - final(ds, IWL))}"

    def left(ds: xr.Dataset) -> str:
        return spread(value_at(ds, "train_loss", near_end(ds)), 4)

    said = _one_by_one(found, words)
    loss = _one_by_one({name: found[name] for name in ("alpha=1", "Figure 1d")}, left)
    less = f" Training loss when ICL came within 0.05 of its end (nats): {loss}." if loss else ""
    return f"IWL ends below its highest: {said}.{less}" if said else ""


def by_heart(runs: Runs) -> str:
    """How many seeds of Figure 2a with B=0 did not learn by heart, and if they learned at all."""
    iid = {label: ds for label, ds in runs.get("2a", {}).items() if config_of(ds).task.B == 0}
    short = _one_by_one(_below_half(iid, IWL), _short_by_heart)
    return f"Below one half end: {short}." if short else ""


def _short_by_heart(ds: xr.Dataset) -> str:
    return (
        f"{counted(ds.sizes['seed'], 'seed')} with a training loss of "
        f"{spread(final(ds, 'train_loss'), 4)} nats, where a random label costs "
        f"{log(config_of(ds).task.L):.4f}{_silent(ds)}"
    )


def by_variation(runs: Runs) -> str:
    """Where ICL and IWL end in Figure 2b at each eps, what ICL gained in the last steps, whether
    labels look at their items then, and how often comparing items is enough; what holds seeds up
    that end below one half; and where seeds of the largest eps end that were trained for longer.
    """
    scan = runs.get("2b", {})
    if not scan:
        return ""
    columns = {
        "ICL accuracy": [final(ds, "icl_accuracy").mean() for ds in scan.values()],
        f"gained of it in the last {LAST_STEPS:,} steps": [
            late_gain(ds).values.mean() for ds in scan.values()
        ],
        "attention of labels to their items in layer 1 (ILA1)": [
            final(ds, "item_label_association").mean() for ds in scan.values()
        ],
        "IWL accuracy, class absent": [final(ds, IWL).mean() for ds in scan.values()],
        "share of test sequences in which the item most like the target has its label": [
            nearest_item(config_of(ds).task) for ds in scan.values()
        ],
    }
    numbers = "; ".join(
        f"{name}, {', '.join(f'{value:z.2f}' for value in column)}"
        for name, column in columns.items()
    )
    at = ", ".join(f"{config_of(ds).task.eps:g}" for ds in scan.values())
    words = f"Means over seeds at eps of {at}: {numbers}."
    if short := _one_by_one(_below_half(scan, "icl_accuracy"), _short_of_half):
        words += f" Below one half end: {short}."
    longer = _found(runs, "2b-long", "eps=1.6")
    if longer is None:
        return words
    labels_look = spread(final(longer, "item_label_association"))
    return f"{words} {_longer_ends('eps=1.6', longer)}, and ILA1 {labels_look}."


def _below_half(scan: Mapping[str, xr.Dataset], measure: str) -> dict[str, xr.Dataset]:
    """The seeds of each configuration whose accuracy ends there; none without such seeds."""
    low = {label: ds.isel(seed=final(ds, measure).values < LEARNED) for label, ds in scan.items()}
    return {label: ds for label, ds in low.items() if ds.sizes["seed"]}


def _short_of_half(ds: xr.Dataset) -> str:
    """How many seeds, when they left the wait at 1/L, and which of them are silent."""
    over = wait_over(ds)
    wait = f"is over at step {spread(over, 0)}" if over.notnull().any() else "is not over"
    return f"{counted(ds.sizes['seed'], 'seed')}, whose wait at 1/L {wait}{_silent(ds)}"


def _silent(ds: xr.Dataset) -> str:
    """How many seeds' logits are all equal, and from when on; empty without any."""
    since = silent_from(ds).dropna("seed")
    if not since.size:
        return ""
    return f", {since.size} of them with all logits equal from step {spread(since, 0)} on"


def _found(runs: Runs, name: str, label: str = "") -> xr.Dataset | None:
    return runs.get(name, {}).get(label)


def _longer_ends(label: str, ds: xr.Dataset) -> str:
    return (
        f"Trained for {int(ds.step.max()):,} steps, {counted(ds.sizes['seed'], 'seed')} of {label} "
        f"end with ICL accuracy {spread(final(ds, 'icl_accuracy'))}, of it "
        f"{spread(late_gain(ds))} gained in the last {LAST_STEPS:,}"
    )


def _both_ends(ds: xr.Dataset) -> str:
    icl, iwl = (spread(final(ds, name)) for name in ("icl_accuracy", IWL))
    return f"ICL accuracy {icl} and IWL accuracy {iwl}"


def _one_by_one(found: Mapping[str, xr.Dataset | None], words: Callable[[xr.Dataset], str]) -> str:
    """What is said of each that is stored, after its name; empty without any."""
    return "; ".join(f"{name}, {words(ds)}" for name, ds in found.items() if ds is not None)


def _counted_fates(ds: xr.Dataset) -> str:
    ends = fates(ds).values.tolist()
    counts = ", ".join(f"{ends.count(fate)} {fate}" for fate in FATES)
    return f"of {counted(len(ends), 'seed')} {counts}"
