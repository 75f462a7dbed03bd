"""``SinchClient``: the SMS batch API over requests."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account, ProjectCredentials
from sinch_provider.sms.fields.only_to import refuse_change
from sinch_provider.sms.runtime import current
from sinch_provider.sms.secret import Unstorable
from sinch_provider.sms.wire import retry
from sinch_provider.sms.wire.answers import read_answer
from sinch_provider.sms.wire.call import Call, Procedure
from sinch_provider.sms.wire.exchange import Exchange
from sinch_provider.sms.wire.following import end_if_abandoned, follow
from sinch_provider.sms.wire.http import Answer, Request
from sinch_provider.sms.wire.methods import Group, listing, operation
from sinch_provider.sms.wire.request import read_before, request_for
from sinch_provider.sms.wire.tokens import is_expired_token, read_grant, slot_of, token_call, token_request
from sinch_provider.sms.wire.transport import Transport

T = TypeVar("T")


class Batches(Group):
    """The batch operations; each takes the parameters of its description in ``endpoints``."""

    send = operation(endpoints.send)
    send_dry_run = operation(endpoints.send_dry_run)
    get = operation(endpoints.get)
    update = operation(endpoints.update)
    replace = operation(endpoints.replace)
    cancel = operation(endpoints.cancel)
    send_delivery_feedback = operation(endpoints.send_delivery_feedback)
    list = listing(endpoints.list_batches)


class DeliveryReports(Group):
    """The operations that read delivery reports."""

    get = operation(endpoints.get_delivery_report)
    get_for_number = operation(endpoints.get_delivery_report_for_number)
    list = listing(endpoints.list_delivery_reports)


class SinchClient(Unstorable):
    """
    Client of one Sinch account.

    Several threads may use it at once. ``batches`` and ``delivery_reports`` hold the operations.

    :param account: Credentials, region, time limits.
    :param attempts: The most requests for one call.
    :param seconds: Time limit for everything that the client does, counted from its creation.
    :param before_pause: Called with the seconds of every pause before it begins. If it raises, the call ends
        with that error.
    :param conceal: Called with every token that the client fetches, so that logs can mask it.
    """

    def __init__(
        self,
        account: Account,
        *,
        attempts: int = retry.ATTEMPTS,
        seconds: float = math.inf,
        before_pause: Callable[[float], None] = lambda _: None,
        conceal: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.account = account
        self.batches = Batches(self.call)
        self.delivery_reports = DeliveryReports(self.call)
        self._slot = slot_of(account)
        self._repeats = retry.Repeats(attempts)
        self._until = current().monotonic() + seconds
        self._before_pause = before_pause
        self._conceal = conceal
        self._transport = Transport()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def call(self, call: Call[T]) -> T:
        """
        Make a call, repeating it where that is safe.

        :raises SinchError: The call failed. The error says whether it may have taken effect.
        """
        if reading := read_before(self.account, call):
            refuse_change(self.account.only_to, call.body or {}, self.call(reading).to)
        request = request_for(self.account, call)
        return self._repeats.call(lambda: self._attempt(call, request), self._pause)

    def follow(self, procedure: Procedure[T]) -> T:
        """
        Make the calls and pauses that a procedure awaits, and return its result.

        :raises SinchError: A call failed, and the procedure did not handle the error.
        :raises TypeError: The procedure awaits something other than calls, pauses and procedures.
        """
        return follow(procedure, self.call, self._pause)

    def _pause(self, seconds: float) -> None:
        end_if_abandoned()
        self._before_pause(seconds)
        current().sleep(seconds)

    def _attempt(self, call: Call[T], request: Request) -> T:
        token = self._token(call)
        answer = self._exchange(call, request, token)
        if self._slot is not None and is_expired_token(answer):
            self._slot.drop(token)
            token = self._token(call)
            answer = self._exchange(call, request, token)
        return read_answer(call, answer, (*self.account.credentials.secrets(), token))

    def _token(self, call: Call[Any]) -> str:
        slot, credentials = self._slot, self.account.credentials
        if slot is None or not isinstance(credentials, ProjectCredentials):
            return credentials.secret
        if token := slot.current():
            return token
        with slot.lock:
            if token := slot.current():
                return token
            answer = self._exchange(token_call(call.operation), token_request(self.account, credentials))
            grant = read_grant(call.operation, answer, credentials.secrets())
            self._conceal(grant.token)
            return slot.store(grant)

    def _exchange(self, call: Call[Any], request: Request, token: str | None = None) -> Answer:
        headers = dict(request.headers)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        end_if_abandoned()
        exchange = Exchange(call, self.account.timeout, self._until)
        try:
            answer = self._transport.carry(exchange, request, headers)
        except Exception as error:
            failure = exchange.failure(error)
        else:
            if call.observe is not None:
                call.observe(answer)
            return answer
        # Raised outside the block, so that it has no context: the libraries quote URLs with phone numbers.
        raise failure
