"""Runs several builds, two at a time, for tests that only examine the results."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TypeVar

from kmodlab.kbuild.build import build_async
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import run_sync
from kmodlab.sandbox.limits import BUILD, Limits

K = TypeVar("K")


def build_all(tree: KernelTree, sources: Mapping[K, Sources], limits: Limits = BUILD) -> dict[K, Build]:
    """The build of each key's sources."""

    async def work() -> list[Build]:
        slots = asyncio.Semaphore(2)

        async def build_one(source: Sources) -> Build:
            async with slots:
                return await build_async(tree, source, limits=limits)

        return await asyncio.gather(*map(build_one, sources.values()))

    return dict(zip(sources, run_sync(work()), strict=True))
