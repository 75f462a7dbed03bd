"""Methods of a client, made from the descriptions in :mod:`~sinch_provider.sms.endpoints`: same parameters,
same docs."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from sinch_provider.sms.models import Batch, Page, RecipientDeliveryReport
from sinch_provider.sms.wire.call import Call
from sinch_provider.sms.wire.pagination import AsyncPaginator, Paginator

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item", bound=Batch | RecipientDeliveryReport)


class Caller(Protocol):
    """Makes a call and returns its result."""

    def __call__(self, call: Call[T]) -> T: ...


class AsyncCaller(Protocol):
    """Makes a call and returns its result, asynchronously."""

    def __call__(self, call: Call[T]) -> Awaitable[T]: ...


class Group:
    """Operations that belong together, bound to a client."""

    def __init__(self, call: Caller) -> None:
        self._call = call


class AsyncGroup:
    """Operations that belong together, bound to an asynchronous client."""

    def __init__(self, call: AsyncCaller) -> None:
        self._call = call


class operation(Generic[P, T]):  # noqa: N801 - reads as the method decorator it stands for
    """A method that makes the described call."""

    def __init__(self, describe: Callable[P, Call[T]]) -> None:
        self._describe = describe

    def __get__(self, group: Group, owner: Any = None) -> Callable[P, T]:
        @functools.wraps(self._describe)
        def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return group._call(self._describe(*args, **kwargs))

        return method


class async_operation(Generic[P, T]):  # noqa: N801 - likewise
    """A method that makes the described call and is awaited."""

    def __init__(self, describe: Callable[P, Call[T]]) -> None:
        self._describe = describe

    def __get__(self, group: AsyncGroup, owner: Any = None) -> Callable[P, Awaitable[T]]:
        @functools.wraps(self._describe)
        async def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return await group._call(self._describe(*args, **kwargs))

        return method


class listing(Generic[P, Item]):  # noqa: N801 - likewise
    """A method that fetches the first page of the described listing."""

    def __init__(self, describe: Callable[P, Call[Page[Item]]]) -> None:
        self._describe = describe

    def __get__(self, group: Group, owner: Any = None) -> Callable[P, Paginator[Item]]:
        @functools.wraps(self._describe)
        def method(*args: P.args, **kwargs: P.kwargs) -> Paginator[Item]:
            return Paginator.open(group._call, self._describe(*args, **kwargs))

        return method


class async_listing(Generic[P, Item]):  # noqa: N801 - likewise
    """A method that fetches the first page of the described listing and is awaited."""

    def __init__(self, describe: Callable[P, Call[Page[Item]]]) -> None:
        self._describe = describe

    def __get__(self, group: AsyncGroup, owner: Any = None) -> Callable[P, Awaitable[AsyncPaginator[Item]]]:
        @functools.wraps(self._describe)
        async def method(*args: P.args, **kwargs: P.kwargs) -> AsyncPaginator[Item]:
            return await AsyncPaginator.open(group._call, self._describe(*args, **kwargs))

        return method
