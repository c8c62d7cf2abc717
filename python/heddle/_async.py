# SPDX-License-Identifier: Apache-2.0
"""run_async(): an event loop watches the file on which the engine tells of ends; no Python thread stands between."""
from __future__ import annotations

import asyncio
import itertools
import os
import weakref

from heddle import _native
from heddle.errors import ResourceExhausted

# Of one loop at the same time; more than any machine has cores. The others wait without costing the loop anything.
_AT_ONCE = 256


class _Watch:
    """What one loop has in flight."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.room = asyncio.Semaphore(_AT_ONCE)
        self.completions = _native.Completions()
        self._waiting: dict[int, tuple[asyncio.Future, _native.Ticket]] = {}
        self._tags = itertools.count(1)
        loop.add_reader(self.completions.fd, self._wake)

    def _wake(self) -> None:
        for tag in self.completions.take():
            waiter, _ = self._waiting.pop(tag)
            if not waiter.done():
                waiter.set_result(None)

    async def submit(self, ticket: _native.Ticket) -> asyncio.Future:
        """A future that is set when the request has ended. Never blocks the loop."""
        waiter = asyncio.get_running_loop().create_future()
        tag = next(self._tags)
        self._waiting[tag] = waiter, ticket
        try:
            while True:
                try:
                    ticket.submit(self.completions, tag)
                    return waiter
                except ResourceExhausted as error:
                    if error.retry_after is None:
                        raise
                    await asyncio.sleep(error.retry_after)
        except BaseException:
            del self._waiting[tag]
            raise


# A loop owns its watch, through the reader: what it has in flight when it goes is then cancelled.
_watches: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[_Watch]] = weakref.WeakKeyDictionary()
_lost: list = []


def _forked() -> None:
    """A loop of the parent may run on in a child, which must not take the tags of the parent's requests."""
    _lost.extend(watch() for watch in _watches.values())
    _watches.clear()


os.register_at_fork(after_in_child=_forked)


async def run(runner: _native.Runner, inputs: tuple, options: dict):
    """Model.run_async()."""
    loop = asyncio.get_running_loop()
    reference = _watches.get(loop)
    watch = reference and reference()
    if watch is None:
        watch = _Watch(loop)
        _watches[loop] = weakref.ref(watch)
    ticket = _native.Ticket(runner, inputs, options)  # its time counts from here
    async with watch.room:
        ended = await watch.submit(ticket)
        try:
            await ended
        except asyncio.CancelledError:
            ticket.cancel()
            raise
        return ticket.result()
