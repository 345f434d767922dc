"""The tables of scripts/bench/all."""

import statistics


def number(value):
    """At least three significant digits."""
    for digits in (2, 1):
        if abs(value) < 10 ** (3 - digits):
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def spread(samples):
    return number(samples[0]) if len(samples) == 1 else f"{number(min(samples))} to {number(max(samples))}"


def ratio(row):
    """The median of the ratios of runs that took turns, or else the ratio of the medians."""
    ours, theirs = row["samples"], row["theirs"]
    if len(ours) == len(theirs):
        return statistics.median(a / b for a, b in zip(ours, theirs))
    return statistics.median(ours) / statistics.median(theirs)


def compared(rows):
    yield "| | unit | median | least to most | runs | peer | its median | least to most | ratio |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        samples = row["samples"]
        cells = [row["name"], row["unit"], number(statistics.median(samples)), spread(samples), str(len(samples))]
        if "cpu" in row:
            cells[0] += f" (CPU {row['cpu']:.2f} s)"
        if "theirs" in row:
            theirs = row["theirs"]
            cells += [row["peer"], number(statistics.median(theirs)), spread(theirs), f"{ratio(row):.2f}"]
        else:
            cells += [""] * 4
        yield f"| {' | '.join(cells)} |"


def by_size(rows):
    sizes = sorted({row["at"] for row in rows})
    yield f"| | unit | {' | '.join(f'{size:,}' for size in sizes)} |"
    yield "| --- | --- |" + " --- |" * len(sizes)
    for name in dict.fromkeys(row["name"] for row in rows):
        of_name = {row["at"]: row for row in rows if row["name"] == name}
        unit = next(iter(of_name.values()))["unit"]
        cells = []
        for size in sizes:
            samples = of_name[size]["samples"] if size in of_name else []
            cell = number(statistics.median(samples)) if samples else ""
            if 1 < len(samples) < 100:
                cell += f" ({spread(samples)})"
            elif samples[1:]:
                cell += f" (90 % within {number(statistics.quantiles(samples, n=10)[-1])})"
            cells.append(cell)
        yield f"| {name} | {unit} | {' | '.join(cells)} |"


def report(about, rows, left_out):
    lines = ["# Measured", ""]
    lines += [f"- {name}: {value}" for name, value in about.items() if value]
    lines += [f"- left out: {what}" for what in left_out]
    for part in dict.fromkeys(row["part"] for row in rows):
        of_part = [row for row in rows if row["part"] == part]
        lines += ["", f"## {part}"]
        for table, chosen in [(compared, [row for row in of_part if "at" not in row]),
                              (by_size, [row for row in of_part if "at" in row])]:
            if chosen:
                lines += ["", *table(chosen)]
    return "\n".join([*lines, ""])
