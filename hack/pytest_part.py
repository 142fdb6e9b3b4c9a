"""pytest_part - a plugin of pytest: only one part of the tests, as GATECERT_PART=2/4 says.

Which test is in which part depends on nothing but the names of all, so that the parts together are the whole.
"""

import os

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    part, parts = map(int, os.environ.get("GATECERT_PART", "1/1").split("/"))
    mine = set(sorted(item.nodeid for item in items)[part - 1::parts])
    others = [item for item in items if item.nodeid not in mine]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item.nodeid in mine]
