"""Makes the methods of the clients from the descriptions in :mod:`~sinch_provider.sms.endpoints`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sinch_provider.sms.models import Batch, Page, RecipientDeliveryReport
from sinch_provider.sms.wire.call import Call
from sinch_provider.sms.wire.pagination import AsyncPaginator, Paginator

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item", bound=Batch | RecipientDeliveryReport)
Method = TypeVar("Method", bound=Callable[..., Any])


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


def operation(describe: Callable[P, Call[T]]) -> Callable[Concatenate[Group, P], T]:
    """Make the method that makes the described call."""

    def method(self: Group, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._call(describe(*args, **kwargs))

    return _described(method, describe)


def async_operation(
    describe: Callable[P, Call[T]],
) -> Callable[Concatenate[AsyncGroup, P], Coroutine[Any, Any, T]]:
    """Make the method that makes the described call and is awaited."""

    async def method(self: AsyncGroup, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._call(describe(*args, **kwargs))

    return _described(method, describe)


def listing(describe: Callable[P, Call[Page[Item]]]) -> Callable[Concatenate[Group, P], Paginator[Item]]:
    """Make the method that fetches the first page of the described listing."""

    def method(self: Group, /, *args: P.args, **kwargs: P.kwargs) -> Paginator[Item]:
        return Paginator.open(self._call, describe(*args, **kwargs))

    return _described(method, describe)


def async_listing(
    describe: Callable[P, Call[Page[Item]]],
) -> Callable[Concatenate[AsyncGroup, P], Coroutine[Any, Any, AsyncPaginator[Item]]]:
    """Make the method that fetches the first page of the described listing and is awaited."""

    async def method(self: AsyncGroup, /, *args: P.args, **kwargs: P.kwargs) -> AsyncPaginator[Item]:
        return await AsyncPaginator.open(self._call, describe(*args, **kwargs))

    return _described(method, describe)


def _described(method: Method, describe: Callable[..., Any]) -> Method:
    """Give a method the name, docs and signature of its description."""
    functools.update_wrapper(method, describe)
    described = inspect.signature(describe)
    bound = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = described.replace(
        parameters=[bound, *described.parameters.values()], return_annotation=inspect.Signature.empty
    )
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method
