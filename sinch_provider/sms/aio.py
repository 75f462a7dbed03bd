"""``AsyncSinchClient``: the SMS batch API over aiohttp, for triggers and other asynchronous code."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account, ProjectCredentials
from sinch_provider.sms.fields.only_to import refuse_change
from sinch_provider.sms.runtime import current
from sinch_provider.sms.secret import Unstorable
from sinch_provider.sms.wire import retry
from sinch_provider.sms.wire.answers import read_answer
from sinch_provider.sms.wire.async_transport import AsyncTransport
from sinch_provider.sms.wire.call import Call, Procedure
from sinch_provider.sms.wire.exchange import Exchange
from sinch_provider.sms.wire.following import follow_async
from sinch_provider.sms.wire.http import Answer, Request
from sinch_provider.sms.wire.methods import AsyncGroup, async_listing, async_operation
from sinch_provider.sms.wire.request import read_before, request_for
from sinch_provider.sms.wire.tokens import is_expired_token, read_grant, slot_of, token_call, token_request

T = TypeVar("T")

#: Reading an answer of more bytes would block the event loop, so a thread does it.
_LARGE: Final = 64 * 1024


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
    """The operations that read delivery reports."""

    get = async_operation(endpoints.get_delivery_report)
    get_for_number = async_operation(endpoints.get_delivery_report_for_number)
    list = async_listing(endpoints.list_delivery_reports)


async def _ignore(_: str) -> None:
    pass


def _pause(seconds: float) -> Awaitable[None]:
    return current().async_sleep(seconds)


class AsyncSinchClient(Unstorable):
    """
    Client of one Sinch account, used as ``async with AsyncSinchClient(account) as client``.

    :param account: Credentials, region, time limits.
    :param attempts: The most requests for one call.
    :param seconds: Time limit for everything that the client does, counted from its creation.
    :param conceal: Called with every token that the client fetches, so that logs can mask it.
    :param at_once: The most requests under way at the same time, and the most connections. None: 100.
    :param transport: Carries the requests of several clients over the same connections. The client does not
        close it, and its own ``at_once`` counts.
    """

    def __init__(
        self,
        account: Account,
        *,
        attempts: int = retry.ATTEMPTS,
        seconds: float = math.inf,
        conceal: Callable[[str], Awaitable[None]] = _ignore,
        at_once: int | None = None,
        transport: AsyncTransport | None = None,
    ) -> None:
        self.account = account
        self.batches = AsyncBatches(self.call)
        self.delivery_reports = AsyncDeliveryReports(self.call)
        self._slot = slot_of(account)
        self._repeats = retry.Repeats(attempts)
        self._until = current().monotonic() + seconds
        self._conceal = conceal
        self._at_once = at_once
        self._shared = transport
        self._transport: AsyncTransport | None = None

    async def __aenter__(self) -> Self:
        self._transport = self._shared or AsyncTransport(self._at_once)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections, unless they are those of a given transport."""
        transport, self._transport = self._transport, None
        if transport is not None and self._shared is None:
            await transport.close()

    async def call(self, call: Call[T]) -> T:
        """
        Make a call, repeating it where that is safe.

        :raises SinchError: The call failed. The error says whether it may have taken effect.
        """
        if reading := read_before(self.account, call):
            refuse_change(self.account.only_to, call.body or {}, (await self.call(reading)).to)
        request = request_for(self.account, call)
        return await self._repeats.call_async(lambda: self._attempt(call, request), current().async_sleep)

    async def follow(self, procedure: Procedure[T]) -> T:
        """
        Make the calls and pauses that a procedure awaits, and return its result.

        :raises SinchError: A call failed, and the procedure did not handle the error.
        :raises TypeError: The procedure awaits something other than calls, pauses and procedures.
        """
        return await follow_async(procedure, self.call, _pause)

    async def _attempt(self, call: Call[T], request: Request) -> T:
        token = await self._token(call)
        answer = await self._exchange(call, request, token)
        if self._slot is not None and is_expired_token(answer):
            self._slot.drop(token)
            token = await self._token(call)
            answer = await self._exchange(call, request, token)
        secrets = (*self.account.credentials.secrets(), token)
        if len(answer.body) > _LARGE:
            return await asyncio.to_thread(read_answer, call, answer, secrets)
        return read_answer(call, answer, secrets)

    async def _token(self, call: Call[Any]) -> str:
        slot, credentials = self._slot, self.account.credentials
        if slot is None or not isinstance(credentials, ProjectCredentials):
            return credentials.secret
        if token := slot.current():
            return token
        async with slot.async_lock():
            if token := slot.current():
                return token
            answer = await self._exchange(
                token_call(call.operation), token_request(self.account, credentials)
            )
            grant = read_grant(call.operation, answer, credentials.secrets())
            await self._conceal(grant.token)
            return slot.store(grant)

    async def _exchange(self, call: Call[Any], request: Request, token: str | None = None) -> Answer:
        if self._transport is None:
            raise RuntimeError(
                "Use AsyncSinchClient as a context manager: async with AsyncSinchClient(...) as client"
            )
        headers = dict(request.headers)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        exchange = Exchange(call, self.account.timeout, self._until)
        try:
            answer = await self._transport.carry(exchange, request, headers)
        except Exception as error:
            failure = exchange.failure(error)
        else:
            if call.observe is not None:
                call.observe(answer)
            return answer
        # Raised outside the block, so that it has no context: the libraries quote URLs with phone numbers.
        raise failure
