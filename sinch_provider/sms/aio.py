"""``AsyncSinchClient``: the SMS batch API over aiohttp, for triggers and other asynchronous code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import tenacity
from aiohttp.connector import Connection

from sinch_provider.sms import endpoints, retry
from sinch_provider.sms.account import Account, ProjectCredentials
from sinch_provider.sms.answers import lost_connection, no_connection, read_answer
from sinch_provider.sms.auth import is_expired_token, read_grant, token_request, token_slot
from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.http import Answer, Call, Request, request_for
from sinch_provider.sms.operations import AsyncGroup, async_listing, async_operation
from sinch_provider.sms.steps import Pause, Step

T = TypeVar("T")

# Raised by aiohttp before a byte of the request has left.
_BEFORE_SENDING = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)


class AsyncBatches(AsyncGroup):
    """The batch operations; each takes the parameters of its description in ``endpoints``."""

    send = async_operation(endpoints.send)
    send_dry_run = async_operation(endpoints.send_dry_run)
    get = async_operation(endpoints.get)
    update = async_operation(endpoints.update)
    replace = async_operation(endpoints.replace)
    cancel = async_operation(endpoints.cancel)
    send_delivery_feedback = async_operation(endpoints.send_delivery_feedback)
    list = async_listing(endpoints.list_batches)


class AsyncDeliveryReports(AsyncGroup):
    """The reads of delivery reports."""

    get = async_operation(endpoints.get_delivery_report)
    get_for_number = async_operation(endpoints.get_delivery_report_for_number)
    list = async_listing(endpoints.list_delivery_reports)


class AsyncSinchClient:
    """
    Client of one Sinch account, used as ``async with AsyncSinchClient(account) as client``.

    :param account: Credentials, region, time limits.
    :param sleep: Waits between attempts; tests pass something faster.
    """

    def __init__(
        self, account: Account, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.account = account
        self.batches = AsyncBatches(self.call)
        self.delivery_reports = AsyncDeliveryReports(self.call)
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = self.account.timeout
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout),
            response_class=_Response,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, call: Call[T]) -> T:
        """
        Make a call, repeating it where that is safe.

        :raises SinchError: It failed; the error tells whether it may have taken effect.
        """
        retrying = tenacity.AsyncRetrying(**retry.policy(), sleep=self._sleep)
        result: T = await retrying(self._attempt, call)
        return result

    async def follow(self, steps: Generator[Step, Any, T]) -> T:
        """Make the calls and pauses that a procedure asks for, and return its result."""
        try:
            step = next(steps)
            while True:
                try:
                    result = await (self._sleep(step.seconds) if isinstance(step, Pause) else self.call(step))
                except SinchError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    async def _attempt(self, call: Call[T]) -> T:
        request = request_for(self.account, call)
        token = await self._token(call)
        answer = await self._exchange(call, request, token)
        credentials = self.account.credentials
        if isinstance(credentials, ProjectCredentials) and is_expired_token(answer):
            token_slot(self.account, credentials).drop(token)
            answer = await self._exchange(call, request, await self._token(call))
        if call.observe is not None:
            call.observe(answer)
        return read_answer(call, answer)

    async def _token(self, call: Call[Any]) -> str:
        credentials = self.account.credentials
        if not isinstance(credentials, ProjectCredentials):
            return credentials.api_token
        slot = token_slot(self.account, credentials)
        if token := slot.current():
            return token
        async with slot.async_lock():
            if token := slot.current():
                return token
            wanted = Call(call.operation, "POST", "", call.parse)
            answer = await self._exchange(wanted, token_request(self.account, credentials))
            return slot.store(read_grant(call.operation, answer))

    async def _exchange(self, call: Call[Any], request: Request, token: str | None = None) -> Answer:
        if self._session is None:
            raise RuntimeError("AsyncSinchClient is used as an asynchronous context manager: async with ...")
        headers = dict(request.headers)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if call.permit is not None:
            call.permit()
        try:
            async with self._session.request(
                request.method,
                request.url,
                data=request.body,
                headers=headers,
                proxy=_proxy_for(request.url),
                allow_redirects=False,
            ) as response:
                body = await response.read()
                names = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, names, body)
        except _BEFORE_SENDING as error:
            failure = no_connection(call, error)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            failure = lost_connection(call, error)
        # Raised outside the block: the library's errors quote URLs, which can hold phone numbers.
        raise failure


class _Response(aiohttp.ClientResponse):
    """
    An answer whose failure to come is for us to judge.

    aiohttp repeats PUT and DELETE by itself when the connection breaks; not every replacement of a batch may
    be made twice.
    """

    async def start(self, connection: Connection) -> Self:
        try:
            await super().start(connection)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise aiohttp.ClientConnectionError(str(error)) from error
        return self


def _proxy_for(url: str) -> str | None:
    """
    Tell which proxy the environment names for a URL.

    aiohttp's own ``trust_env`` would also look for the host in a ``.netrc``, and refuse every request to one
    that stands there, because the request has credentials already.
    """
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.netloc):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    return proxy if proxy.startswith(("http://", "https://")) else None
