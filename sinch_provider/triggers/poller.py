"""What all waits of a connection share in a triggerer: connections, token, account and back-off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from sinch_provider.hooks.sinch import SinchHook, conceal, read_account
from sinch_provider.sms.errors import SinchAuthError, SinchError
from sinch_provider.sms.runtime import current
from sinch_provider.triggers.back_off import BackOff
from sinch_provider.triggers.garbage import freezing

if TYPE_CHECKING:
    from sinch_provider.sms.account import Account
    from sinch_provider.sms.aio import AsyncSinchClient
    from sinch_provider.sms.wire.async_transport import AsyncTransport
    from sinch_provider.sms.wire.call import Call, Procedure

T = TypeVar("T")

log = logging.getLogger(__name__)

#: The most requests under way, and the most sockets.
AT_ONCE: Final = 32
#: The connection counts as missing after this many failures to read it.
_CONNECTION_LOOKS: Final = 3
#: Seconds between these looks. Airflow gives ``on_kill`` little time.
_LOOK_PAUSE: Final = 3.0
#: The connection is read again after so many seconds, because somebody may have changed it.
RENEW_AFTER: Final = 600.0
#: While Sinch does not accept the credentials, the connection is read at most this often, in seconds.
_RENEW_AT_MOST: Final = 10.0


def polling(conn_id: str) -> Poller:
    """
    Return the poller of a connection on this event loop, to be used at once with ``async with``.

    :param conn_id: The connection.
    """
    key = asyncio.get_running_loop(), conn_id
    if key not in pollers:
        pollers[key] = Poller(*key)
    return pollers[key]


class Poller:
    """
    Follows the procedures of many waits with one client.

    The first wait opens it, and the last one closes it. It has no task of its own: each call and each pause
    is made in the task that needs it, so log lines go where they belong.

    :param loop: The event loop of the waits.
    :param conn_id: The connection.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, conn_id: str) -> None:
        self._loop = loop
        self._conn_id = conn_id
        self._retired = False
        self._users = 0
        self._back_off = BackOff(AT_ONCE)
        self._looking_up: asyncio.Future[None] | None = None
        self._looked_up_at = 0.0
        self._transport: AsyncTransport | None = None
        self._client: AsyncSinchClient | None = None
        # The client with the credentials of before, until Sinch has accepted the new ones.
        self._previous: AsyncSinchClient | None = None

    async def __aenter__(self) -> Self:
        """
        Read the connection, if no other wait has done so.

        :raises SinchConnectionMissing: There is no such connection.
        :raises SinchValidationError: The connection is wrong; names every faulty field.
        """
        self._users += 1
        if self._users == 1:
            freezing.begin()
        try:
            if self._client is None:
                await self._once(self._find)
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._leave()

    async def _leave(self) -> None:
        self._users -= 1
        if not self._users:
            freezing.end()
            self._retire()
            transport, self._transport = self._transport, None
            self._client = self._previous = None
            if transport is not None:
                await transport.close()

    def _retire(self) -> None:
        """Let waits that begin from now on open another poller."""
        self._retired = True
        if pollers.get((self._loop, self._conn_id)) is self:
            del pollers[self._loop, self._conn_id]

    def client(self) -> AsyncSinchClient:
        """
        Return another client of the account, to be used with ``async with``.

        It has connections of its own, so its calls do not wait for the looks of others.
        """
        from sinch_provider.sms.aio import AsyncSinchClient

        return AsyncSinchClient(self._current().account, conceal=conceal)

    def follow(self, procedure: Procedure[T]) -> Awaitable[T]:
        """
        Make the calls and pauses that a procedure awaits, and return its result.

        :raises SinchError: A call failed, and the procedure did not handle the error.
        """
        from sinch_provider.sms.wire.following import follow_async

        return follow_async(procedure, partial(self._call, object()), _pause)

    async def _call(self, caller: object, call: Call[T]) -> T:
        # As everything that is imported here, it was loaded in a thread when the connection was read.
        from sinch_provider.sms.wire.retry import Repeats

        async def attempt() -> T:
            try:
                return await self._call_once(caller, call)
            except SinchError as error:
                # What trouble at Sinch has hit is repeated by the wait. A batch may only not be there yet.
                error.repeatable = error.repeatable and not error.transient
                raise

        return await Repeats().call_async(attempt, _pause)

    async def _call_once(self, caller: object, call: Call[T]) -> T:
        if self._looking_up is None and self._age() > RENEW_AFTER and not self._retired:
            await self._once(self._renew)
        client = self._current()
        try:
            result = await self._make(client, caller, call)
        except SinchAuthError:
            await self._renew_refused(client)
            previous = self._previous
            if self._current() is not client:
                return await self._make(self._current(), caller, call)
            if previous is None:
                raise
        else:
            if self._previous is not None and self._current() is client:
                # Sinch accepts the new credentials.
                self._previous = None
            return result
        # The new ones may be mistyped, and those of before still valid.
        result = await self._make(previous, caller, call)
        if self._current() is client:
            log.warning(
                "Sinch does not accept the new credentials of connection %s; using those of before.",
                self._conn_id,
            )
            self._client, self._previous = previous, None
        return result

    async def _make(self, client: AsyncSinchClient, caller: object, call: Call[T]) -> T:
        return await self._back_off.make(partial(client.call, call), caller)

    async def _renew_refused(self, client: AsyncSinchClient) -> None:
        """Read the connection again, unless that was just done: Sinch has refused a client."""
        is_due = self._current() is client and self._age() > _RENEW_AT_MOST and not self._retired
        if self._looking_up is not None or is_due:
            await self._once(self._renew)

    def _current(self) -> AsyncSinchClient:
        if self._client is None:
            raise RuntimeError("Use a poller in its context: async with polling(...) as poller")
        return self._client

    def _age(self) -> float:
        return current().monotonic() - self._looked_up_at

    async def _find(self) -> None:
        hook = SinchHook(self._conn_id)
        for _ in range(_CONNECTION_LOOKS - 1):
            try:
                account = await read_account(hook)
                break
            except AirflowNotFoundException:
                # Airflow raises the same error while its database does not answer.
                await _pause(_LOOK_PAUSE)
        else:
            account = await read_account(hook)
        await self._use(account)

    async def _renew(self) -> None:
        """Use the connection as it is now. If it cannot be read, keep what is known."""
        try:
            account = await read_account(SinchHook(self._conn_id))
        except Exception as error:
            self._looked_up_at = current().monotonic()
            log.warning(
                "Connection %s could not be read again; keeping its credentials: %s",
                self._conn_id,
                type(error).__name__,
            )
            return
        if account.api_root == self._current().account.api_root:
            await self._use(account)
        else:
            # The batches of those who wait are in the account of before.
            log.warning(
                "Connection %s leads to another account now. Waits that have begun keep the one of before.",
                self._conn_id,
            )
            self._retire()

    async def _use(self, account: Account) -> None:
        from sinch_provider.sms.aio import AsyncSinchClient
        from sinch_provider.sms.wire.async_transport import AsyncTransport

        self._looked_up_at = current().monotonic()
        if self._transport is None:
            self._transport = AsyncTransport(AT_ONCE)
        if self._client is None or self._client.account != account:
            client = AsyncSinchClient(account, conceal=conceal, transport=self._transport, attempts=1)
            self._client, self._previous = await client.__aenter__(), self._client

    async def _once(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do work that all need who ask for it now: one does it, and all get its end."""
        while self._looking_up is not None:
            looking_up = self._looking_up
            await asyncio.wait([looking_up])
            if not looking_up.cancelled():
                return looking_up.result()
            # The one that did it was cancelled.
        self._looking_up = done = asyncio.get_running_loop().create_future()
        try:
            await work()
        except Exception as error:
            done.set_exception(error)
            # There may be nobody else who wants to know.
            done.exception()
            raise
        except BaseException:
            done.cancel()
            raise
        else:
            done.set_result(None)
        finally:
            self._looking_up = None


#: The pollers in use, by event loop and connection.
pollers: dict[tuple[asyncio.AbstractEventLoop, str], Poller] = {}


def _pause(seconds: float) -> Awaitable[None]:
    return current().async_sleep(seconds)
