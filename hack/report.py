"""report - what is told of a suite at its end, parts of one put together, and what a second look changes."""

import os

import results

SHOWN_LINES = 300
REASON_LINES = 12
PARTS, AGAIN = "parts", "again"  # folders in that of the results
TO_ITS_END = "the suite runs to its end"


def read_text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def place(directory, name):
    """(result, log) of a suite."""
    return os.path.join(directory, name + ".xml"), os.path.join(directory, name + ".log")


def last_seconds(directory, name):
    """How long a suite took the last time, or None."""
    try:
        return results.read(place(directory, name)[0])[1]
    except (OSError, ValueError):
        return None


def show(name, cases, seconds, log_path):
    """One line when all is well, else what failed and the output."""
    numbers = {outcome: results.count(cases, outcome) for outcome in (results.PASSED, results.FAILED, results.SKIPPED)}
    told = ", ".join(f"{number} {outcome}" for outcome, number in numbers.items() if number)
    if not numbers[results.FAILED]:
        return f"  ok    {name}: {told} ({seconds:.1f} s)\n"
    lines = [f"  FAIL  {name}: {told} ({seconds:.1f} s), output in {os.path.relpath(log_path)}"]
    for case in cases:
        if case.outcome == results.FAILED:
            lines.append(f"  {case.name}")
            lines += ["    | " + line for line in case.text.splitlines()[:REASON_LINES]]
    output = read_text(log_path).splitlines()
    if len(output) > SHOWN_LINES:
        lines.append(f"    ... the last {SHOWN_LINES} of {len(output)} lines:")
    return "\n".join(lines + ["    " + line for line in output[-SHOWN_LINES:]]) + "\n"


def merge(directory, name, parts):
    """Makes one result and one log of a suite's parts, as if it had run in one; returns what is told of it."""
    cases, seconds = [], 0.0
    result, log = place(directory, name)
    with open(log, "w", encoding="utf-8") as whole:
        for part in parts:
            part_result, part_log = place(os.path.join(directory, PARTS), part)
            try:
                found, took = results.read(part_result)
                whole.write(read_text(part_log))
            except (OSError, ValueError) as error:
                found, took = [results.Case(TO_ITS_END, results.FAILED, f"{part}: {error}")], 0.0
            cases, seconds = cases + found, seconds + took
            for path in (part_result, part_log):
                if os.path.exists(path):
                    os.unlink(path)
    results.write(result, name, cases, seconds)
    return show(name, cases, seconds, log)


def second_looks(directory, name, kind, command):
    """(name for its result, command line) of every look that the failed tests of a suite get."""
    try:
        failed = [case.name for case in results.read(place(directory, name)[0])[0] if case.outcome == results.FAILED]
    except (OSError, ValueError):
        return []
    if kind == "node":
        return [(f"{name}.again", command)] if failed else []
    stem = os.path.basename(command[-1]).removesuffix(".py")
    rows = dict.fromkeys(row for group, _, row in (one.partition(" > ") for one in failed) if group == stem and row)
    return [(f"{name}.again-{number}", [*command[:-1], f"{command[-1]}::{row}"]) for number, row in enumerate(rows, 1)]


def judge_again(directory, name, again):
    """Takes a second look into the result: what passes now counts as passed, and both outputs stay."""
    result, log = place(directory, name)
    cases, seconds = results.read(result)
    again_result, again_log = place(os.path.join(directory, AGAIN), again)
    looked, _ = results.read(again_result)
    output = read_text(again_log)
    passed = {case.name for case in looked if case.outcome == results.PASSED}
    passed -= {case.name for case in looked if case.outcome != results.PASSED}
    told = []
    for case in cases:
        if case.outcome == results.FAILED and case.name in passed:
            case.outcome, case.flaky, case.text = results.PASSED, case.text or results.NO_REASON, output
            told.append(f"  flaky {name}: {case.name}\n")
        elif case.outcome == results.FAILED and case.name in {one.name for one in looked}:
            told.append(f"  FAIL  {name}: {case.name}: again, alone\n")
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"\n--- a second look, alone ---\n{output}")
    results.write(result, name, cases, seconds)
    for path in (again_result, again_log):
        os.unlink(path)
    return "".join(told)
