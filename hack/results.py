"""results - JUnit XML as cmocka, pytest and node write it: read, judged, and written again in one form."""

import os
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
NO_REASON = "no reason given"

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CMOCKA_CASE = re.compile(r'(<test(?:case|suite) name=")(.*)(" time=")')


@dataclass
class Case:
    """One test and how it ended; `text` is the reason of a failure or a skip.

    One that passed at its second look alone keeps the reason of its failure in `flaky`, and the second output in `text`.
    """

    name: str
    outcome: str
    text: str = ""
    seconds: float = 0.0
    flaky: str = ""


def clean(text):
    return _NOT_XML.sub("\ufffd", text)


def _escape_cmocka(text):
    """cmocka puts names into attributes as they are."""
    return _CMOCKA_CASE.sub(lambda match: match[1] + escape(match[2], {'"': "&quot;"}) + match[3], text)


def document(text, cmocka=False):
    """The root of one JUnit document. Raises ValueError with a sentence."""
    text = clean(text)
    if not text.strip():
        raise ValueError("its result is empty")
    try:
        return ElementTree.fromstring(_escape_cmocka(text) if cmocka else text)
    except ElementTree.ParseError as error:
        raise ValueError(f"its result is no XML: {error}") from error


def parse(text, cmocka=False):
    """The cases of one JUnit document, in order. Raises ValueError with a sentence."""
    return list(_walk(document(text, cmocka), []))


def read(path):
    """The cases that write() left, and how long the suite took. Raises OSError or ValueError."""
    with open(path, encoding="utf-8", errors="replace") as file:
        root = document(file.read())
    return list(_walk(root, [])), _seconds(root)


def _walk(element, groups):
    for child in element:
        if child.tag == "testsuite":
            yield from _walk(child, [*groups, child.get("name", "")])
        elif child.tag == "testcase":
            yield _case(child, groups)
    if element.tag == "testcase":
        yield _case(element, groups)


def _case(element, groups):
    outcome, text, flaky = PASSED, "", ""
    for child in element:
        if child.tag in ("failure", "error"):
            outcome, text = FAILED, _reason(child)
            break
        if child.tag == "skipped":
            outcome, text = SKIPPED, child.get("message") or (child.text or "").strip() or NO_REASON
        if child.tag == "flakyFailure":
            flaky, text = _reason(child) or NO_REASON, (element.findtext("system-out") or "")
    # pytest calls every suite "pytest" and names the file in the class.
    if groups == ["pytest"]:
        groups = element.get("classname", "").rsplit(".", 1)[-1:]
    return Case(" > ".join([*groups, element.get("name", "(no name)")]), outcome, text, _seconds(element), flaky)


def _seconds(element):
    try:
        return float(element.get("time") or 0)
    except ValueError:
        return 0.0


def _reason(element):
    message, text = (element.get("message") or "").strip(), (element.text or "").strip()
    if text.startswith(message):
        return text or NO_REASON
    return "\n".join(part for part in (message, text) if part)


def write(path, name, cases, seconds=0.0):
    """One suite as JUnit XML, replacing what stood there in one step."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>',
             f"<testsuite name={quoteattr(name)} tests=\"{len(cases)}\" failures=\"{count(cases, FAILED)}\""
             f" errors=\"0\" skipped=\"{count(cases, SKIPPED)}\" time=\"{seconds:.3f}\">"]
    for case in cases:
        head = f"  <testcase classname={quoteattr(name)} name={quoteattr(case.name)} time=\"{case.seconds:.3f}\""
        first = case.text.splitlines()[0] if case.text else NO_REASON
        if case.flaky:
            message = case.flaky.splitlines()[0]
            lines.append(f"{head}><flakyFailure message={quoteattr(message)}>{escape(case.flaky)}</flakyFailure>"
                         f"<system-out>{escape(case.text)}</system-out></testcase>")
        elif case.outcome == PASSED:
            lines.append(head + "/>")
        elif case.outcome == SKIPPED:
            lines.append(f"{head}><skipped message={quoteattr(case.text)}/></testcase>")
        else:
            lines.append(f"{head}><failure message={quoteattr(first)}>{escape(case.text)}</failure></testcase>")
    lines.append("</testsuite>\n")
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(clean("\n".join(lines)))
    os.rename(path + ".new", path)


def count(cases, outcome):
    return sum(case.outcome == outcome for case in cases)
