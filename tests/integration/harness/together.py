"""Tests that wait at the same time: what each does runs on a thread, and the test of that name waits for its end.

    @beside()
    @pytest.mark.parametrize("status", [503, 429])
    def test_it_is_delayed_and_no_more(bench, status):
        ...

    running = running_beside(at_once=4, new_bench=Bench)

`new_bench(stack, directory, label)` makes what a test works on; it is closed at its end. `alone` picks, by the
parameters, those that run one by one when all others have ended.
"""

import concurrent.futures
import inspect
import re

import pytest

from .waiting import over


def beside(alone=lambda **_: False):
    def decorate(body):
        def test(running, request, **_):
            running.result(request.node.name)

        names = ["running", "request", *list(inspect.signature(body).parameters)[1:]]
        test.__signature__ = inspect.Signature(
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names])
        test.__name__, test.__doc__, test.__module__ = body.__name__, body.__doc__, body.__module__
        test.pytestmark = list(getattr(body, "pytestmark", ()))
        test.body, test.alone = body, alone
        return test
    return decorate


class Running:
    def __init__(self, items, at_once, new_bench):
        self._pool = concurrent.futures.ThreadPoolExecutor(at_once)
        self._line = concurrent.futures.ThreadPoolExecutor(1)
        self._results = {}
        late = []
        for number, item in enumerate(items):
            parameters = item.callspec.params if hasattr(item, "callspec") else {}
            run = self._of(item, parameters, new_bench, number)
            if item.function.alone(**parameters):
                late.append((item.name, run))
            else:
                self._results[item.name] = self._pool.submit(run)
        others = list(self._results.values())
        for name, run in late:
            self._results[name] = self._line.submit(lambda one=run: (concurrent.futures.wait(others), one()))

    @staticmethod
    def _of(item, parameters, new_bench, number):
        def run():
            label = re.sub(r"[^a-z0-9]+", "-", item.name.lower().removeprefix("test_")).strip("-")[:40].strip("-")
            bench = new_bench(f"{label}-{number}")
            try:
                item.function.body(bench, **parameters)
            except Exception as error:
                raise AssertionError(f"{error}\n--- the end of its log:\n{bench.log_tail()}") from error
            finally:
                bench.close()
        return run

    def result(self, name):
        self._results[name].result()

    def close(self):
        with over():
            for pool in (self._pool, self._line):
                pool.shutdown(wait=True, cancel_futures=True)


def running_beside(at_once, new_bench):
    """The fixture `running` of a module: those of its tests that were chosen run."""
    @pytest.fixture(scope="module")
    def running(request, stack, tmp_path_factory):
        folder = tmp_path_factory.mktemp("beside")
        items = [item for item in request.session.items
                 if item.module is request.module and hasattr(item.function, "body")]
        one = Running(items, at_once, lambda label: new_bench(stack, folder / label, label))
        yield one
        one.close()

    return running
