# SPDX-License-Identifier: Apache-2.0
"""submit() and map(): calls that the engine's own threads run. One Python thread waits for their ends and resolves their
futures; it is started by the first call, and again in a forked child."""
from __future__ import annotations

import atexit
import collections
import concurrent.futures
import itertools
import logging
import os
import queue
import sys
import threading
import time

from heddle import _native
from heddle.errors import FailedPrecondition, ResourceExhausted


class Future(concurrent.futures.Future):
    """The answer of Model.submit(). As in concurrent.futures, but that cancel() also stops a call that runs, between two
    of its steps. A call that writes into the caller's arrays (out=) has let go of them when cancel() returns."""

    _ticket: _native.Ticket | None  # until it is resolved

    def cancel(self) -> bool:
        ticket = self._ticket
        if not super().cancel():
            return False
        if ticket is not None:
            ticket.cancel()
        return True

    def _lose(self) -> None:
        """In a forked child the call will never end. Nobody but this thread knows the future here."""
        self._condition = threading.Condition()
        self._done_callbacks = []
        if not self.done():
            self.set_exception(FailedPrecondition("this process was forked while the call was in flight"))


class _Dispatcher:
    """What is in flight, and the thread that waits for it."""

    def __init__(self) -> None:
        self._futures: dict[int, Future] = {}
        self._tags = itertools.count(1)
        self._starting = threading.Lock()
        self._idle = threading.Condition()
        self._completions: _native.Completions | None = None
        self._closed = False

    def submit(self, runner: _native.Runner, inputs: tuple, options: dict) -> Future:
        future = Future()
        future._ticket = ticket = _native.Ticket(runner, inputs, options)
        completions = self._completions or self._start()
        tag = next(self._tags)
        self._futures[tag] = future
        try:
            while True:
                if self._closed:
                    raise FailedPrecondition("Python is ending: nothing can be submitted any more")
                try:
                    ticket.submit(completions, tag)
                    return future
                except ResourceExhausted as error:
                    if error.retry_after is None:
                        raise
                    time.sleep(error.retry_after)
        except BaseException:
            with self._idle:  # finish() may be waiting for what was refused
                self._futures.pop(tag, None)
                self._idle.notify_all()
            raise

    def _start(self) -> _native.Completions:
        with self._starting:
            if self._completions is None:
                completions = _native.Completions()
                thread = threading.Thread(target=self._run, args=(completions,), name="heddle-futures", daemon=True)
                thread.start()
                self._completions = completions
            return self._completions

    def _run(self, completions: _native.Completions) -> None:
        here = os.getpid()
        while os.getpid() == here:  # a callback may fork
            for tag in completions.wait_and_take():
                if tag in self._futures:  # else its submit() was interrupted
                    _resolve(self._futures[tag])
                    self._futures.pop(tag, None)
            with self._idle:
                self._idle.notify_all()

    def finish(self) -> None:
        """At Python's end: what was submitted is done, and its callbacks have run. Ctrl-C cancels what is left."""
        try:
            with self._idle:
                self._closed = True
                while self._futures:
                    self._idle.wait()
        except KeyboardInterrupt:
            for future in list(self._futures.values()):
                future.cancel()
            raise

    def forked(self) -> None:
        """In a child: the thread is gone, and what was in flight is lost."""
        futures, completions = self._futures, self._completions
        self.__init__()
        for future in futures.values():
            future._lose()
        if completions is not None:
            _lost.append(completions)  # a thread of the parent may hold its lock


def _resolve(future: Future) -> None:
    ticket, future._ticket = future._ticket, None
    try:
        if not future.set_running_or_notify_cancel():
            return
        try:
            answer = ticket.result()
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(answer)
    except BaseException:  # a callback's SystemExit and its like; other errors of callbacks are logged by the future
        logging.getLogger("heddle").critical("a callback of a future raised", exc_info=True)
    finally:
        future = ticket = None  # an exception's traceback holds this frame, and the future holds the exception


_lost: list = []
_dispatcher = _Dispatcher()
submit = _dispatcher.submit
os.register_at_fork(after_in_child=_dispatcher.forked)
atexit.register(_dispatcher.finish)


def _inputs_of(item) -> tuple:
    return item if isinstance(item, tuple) else (item,)


class _Count:
    """A progress bar where tqdm is not installed: how many are done, on standard error, ten times a second at most."""

    def __init__(self, total: int | None) -> None:
        self._of = "" if total is None else f" of {total}"
        self._done, self._next = 0, 0.0

    def update(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 0.1
            print(f"\r{self._done}{self._of}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        print(f"\r{self._done}{self._of}", file=sys.stderr, flush=True)


def _progress_bar(total: int | None):
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Count(total)
    return tqdm(total=total)


def map_over(runner: _native.Runner, items, ordered: bool, max_in_flight: int, progress: bool, options: dict):
    """The generator behind Model.map()."""
    bar = _progress_bar(len(items) if hasattr(items, "__len__") else None) if progress else None
    pending = collections.deque() if ordered else set()
    try:
        for answer in (_in_order if ordered else _as_they_end)(runner, items, max_in_flight, options, pending):
            if bar is not None:
                bar.update()
            yield answer
    finally:  # an error, or the caller wants no more
        for future in pending:
            future.cancel()
        if bar is not None:
            bar.close()


def _in_order(runner, items, max_in_flight, options, pending):
    def first():
        answer = pending[0].result()
        pending.popleft()
        return answer

    for item in items:
        pending.append(submit(runner, _inputs_of(item), options))
        if len(pending) == max_in_flight:
            yield first()
    while pending:
        yield first()


def _as_they_end(runner, items, max_in_flight, options, pending):
    ended = queue.SimpleQueue()

    def one():
        future = ended.get()
        pending.discard(future)
        return future.result()

    for item in items:
        future = submit(runner, _inputs_of(item), options)
        pending.add(future)
        future.add_done_callback(ended.put)
        if len(pending) == max_in_flight:
            yield one()
    while pending:
        yield one()
