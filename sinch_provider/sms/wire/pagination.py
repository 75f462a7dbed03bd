"""Reads listings page by page: gives every entry once, and always ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from sinch_provider.sms.models import Batch, Page, RecipientDeliveryReport
from sinch_provider.sms.wire.call import Call

T = TypeVar("T", bound=Batch | RecipientDeliveryReport)

_DEFAULT_PAGE_SIZE = 30
# After this many pages in a row without a new entry, the server probably returns the same page every time.
_STALE_PAGES = 10


@dataclass(frozen=True)
class _Position(Generic[T]):
    """
    A page, and its place in the listing.

    :param passed: Number of entries up to the end of this page.
    :param seen: Keys of all entries so far.
    :param new: Entries of this page that no earlier page had.
    :param stale: Number of pages in a row, up to this one, without new entries.
    """

    call: Call[Page[T]]
    result: Page[T]
    passed: int
    seen: frozenset[Hashable] = field(repr=False)
    new: tuple[T, ...]
    stale: int

    @classmethod
    def at(cls, call: Call[Page[T]], result: Page[T], before: _Position[T] | None = None) -> _Position[T]:
        seen = before.seen if before else frozenset[Hashable]()
        # New entries move older ones to later pages, where they appear a second time.
        new = {key: item for item in result.items if (key := _key(item)) not in seen}
        skipped = (
            before.passed if before else _page(call) * int(call.query.get("page_size", _DEFAULT_PAGE_SIZE))
        )
        stale = 0 if new else 1 + (before.stale if before else 0)
        return cls(call, result, skipped + len(result.items), seen | new.keys(), tuple(new.values()), stale)

    @property
    def has_next(self) -> bool:
        # A page without new entries need not be the last one: many entries may have arrived since the page
        # before it. An empty page is always the last one.
        return bool(self.result.items) and self.stale < _STALE_PAGES and self.passed < self.result.count

    def next_call(self) -> Call[Page[T]]:
        return replace(self.call, query={**self.call.query, "page": str(_page(self.call) + 1)})


def _page(call: Call[Any]) -> int:
    return int(call.query.get("page", "0"))


def _key(item: Batch | RecipientDeliveryReport) -> Hashable:
    return item.id if isinstance(item, Batch) else (item.batch_id, item.recipient, item.status, item.code)


class Paginator(Generic[T]):
    """
    One page of a listing, from which the later pages can be read.

    Iterating gives the entries of this page and of all later pages, each entry once.
    """

    def __init__(self, make: Callable[[Call[Page[T]]], Page[T]], position: _Position[T]) -> None:
        self._make = make
        self._position = position

    @classmethod
    def open(cls, make: Callable[[Call[Page[T]]], Page[T]], call: Call[Page[T]]) -> Paginator[T]:
        """Fetch the first page."""
        return cls(make, _Position.at(call, make(call)))

    @property
    def result(self) -> Page[T]:
        """This page."""
        return self._position.result

    @property
    def has_next_page(self) -> bool:
        """Whether there is a page after this one."""
        return self._position.has_next

    def next_page(self) -> Paginator[T] | None:
        """Fetch the next page. Return None after the last one."""
        if not self.has_next_page:
            return None
        call = self._position.next_call()
        return Paginator(self._make, _Position.at(call, self._make(call), self._position))

    def auto_paging_iter(self) -> Iterator[Paginator[T]]:
        """Give this page and all later ones."""
        page: Paginator[T] | None = self
        while page is not None:
            yield page
            page = page.next_page()

    def __iter__(self) -> Iterator[T]:
        for page in self.auto_paging_iter():
            yield from page._position.new


class AsyncPaginator(Generic[T]):
    """Like :class:`Paginator`, for ``async for``."""

    def __init__(self, make: Callable[[Call[Page[T]]], Awaitable[Page[T]]], position: _Position[T]) -> None:
        self._make = make
        self._position = position

    @classmethod
    async def open(
        cls, make: Callable[[Call[Page[T]]], Awaitable[Page[T]]], call: Call[Page[T]]
    ) -> AsyncPaginator[T]:
        """Fetch the first page."""
        return cls(make, _Position.at(call, await make(call)))

    @property
    def result(self) -> Page[T]:
        """This page."""
        return self._position.result

    @property
    def has_next_page(self) -> bool:
        """Whether there is a page after this one."""
        return self._position.has_next

    async def next_page(self) -> AsyncPaginator[T] | None:
        """Fetch the next page. Return None after the last one."""
        if not self.has_next_page:
            return None
        call = self._position.next_call()
        return AsyncPaginator(self._make, _Position.at(call, await self._make(call), self._position))

    async def auto_paging_iter(self) -> AsyncIterator[AsyncPaginator[T]]:
        """Give this page and all later ones."""
        page: AsyncPaginator[T] | None = self
        while page is not None:
            yield page
            page = await page.next_page()

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.auto_paging_iter():
            for item in page._position.new:
                yield item
