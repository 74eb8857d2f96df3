"""Notes on the method, from made-up records."""

from made_records import record

from experiments.documents import method_notes


def rows_of(text: str, title: str) -> list[str]:
    """The lines of the table under a title."""
    part = text.split(f"## {title}\n")[1].split("\n## ")[0]
    return [line for line in part.splitlines() if line.startswith("| ")][1:]


def test_a_change_is_compared_on_the_data_sets_of_the_default():
    default = [record(seed=k, error=e, cpu_s=10.0) for k, e in enumerate((0.01, -0.02, 0.03))]
    default.append(record(task="wide", error=0.9))  # which the change lacks
    worse = [record(seed=k, error=-e, cpu_s=20.0, options={"width": 8}) for k, e in enumerate((0.11, 0.12, 0.14))]
    same = [record(seed=k, error=e, options={"hi": 6.0}, cpu_s=10.0) for k, e in enumerate((0.02, 0.01, 0.03))]
    text = method_notes.markdown([*reversed(worse), *default, *same])
    assert rows_of(text, "Size and kind of network") == [
        "| width=8 | 3 | 0.123 | 0.020 | 0.103 ± 0.003 | **worse** | 2.0 |"
    ]
    assert rows_of(text, "Range of log-SNR") == [
        "| hi=6.0 | 3 | 0.020 | 0.020 | 0.000 ± 0.006 | no difference shown | 1.0 |"
    ]
    assert "## Rows" not in text


def test_what_differs_between_tasks_is_no_error():
    """One task loses all of it, on every seed alike; one seed of each task leaves only their difference to tell."""
    of = lambda task, errors, **more: [record(task=task, seed=k, error=e, **more) for k, e in enumerate(errors)]
    default = of("easy", (0.01, 0.02)) + of("wide", (0.01, 0.01))
    worse = of("easy", (0.01, 0.02), options={"width": 8}) + of("wide", (0.09, 0.11), options={"width": 8})
    (line,) = rows_of(method_notes.markdown(default + worse), "Size and kind of network")
    assert line.startswith("| width=8 | 4 | 0.057 | 0.013 | 0.045 ± 0.005 | **worse** |")
    (line,) = rows_of(method_notes.markdown(default + worse[::2]), "Size and kind of network")
    assert line.startswith("| width=8 | 2 | 0.050 | 0.010 | 0.040 ± 0.040 | no difference shown |")


def test_only_data_sets_of_both_are_compared():
    default = [record(seed=k, error=e) for k, e in enumerate((0.01, 0.02, 0.04))]
    text = method_notes.markdown([*default, record(seed=2, error=0.05, options={"width": 8}), record(task="x", seed=5)])
    assert rows_of(text, "Size and kind of network")[0].startswith(
        "| width=8 | 1 | 0.050 | 0.040 | 0.010 | one data set"
    )


def test_as_many_rows_are_compared_and_rows_alone_with_the_default():
    default = [record(seed=k, error=0.05) for k in range(2)]
    many = [record(n=100_000, error=0.01), record(n=100_000, error=0.02, options={"steps": 9})]
    text = method_notes.markdown(default + many)
    assert rows_of(text, "Steps and batch") == [
        "| steps=9, n=100000 | 1 | 0.020 | 0.010 | 0.010 | one data set | 1.0 |"
    ]
    assert rows_of(text, "Rows")[0].startswith("| n=100000 | 1 | 0.010 | 0.050 | −0.040 | one data set |")


def test_seconds_of_unlike_processors_are_not_compared():
    on = lambda name: {"environment": {"processor": name}}
    text = method_notes.markdown([record(**on("A")), record(options={"width": 8}, **on("B"))])
    assert rows_of(text, "Size and kind of network")[0].endswith("| – |")
