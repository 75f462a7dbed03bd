"""``SinchClient``: the SMS batch API over requests."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import unquote

import requests
import tenacity
import urllib3.exceptions
from requests.auth import AuthBase

from sinch_provider.sms import endpoints, retry
from sinch_provider.sms.account import Account, ProjectCredentials
from sinch_provider.sms.answers import lost_connection, no_connection, read_answer
from sinch_provider.sms.auth import is_expired_token, read_grant, token_request, token_slot
from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.http import Answer, Call, Request, request_for
from sinch_provider.sms.masking import mask_text
from sinch_provider.sms.operations import Group, listing, operation
from sinch_provider.sms.steps import Pause, Step
from sinch_provider.sms.transport import AskingAdapter, permitted_by

T = TypeVar("T")

# Raised while connecting, or by requests itself, before a byte of the request has left.
_BEFORE_SENDING = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
)


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
    """The reads of delivery reports."""

    get = operation(endpoints.get_delivery_report)
    get_for_number = operation(endpoints.get_delivery_report_for_number)
    list = listing(endpoints.list_delivery_reports)


class SinchClient:
    """
    Client of one Sinch account.

    May be used by several threads at once. ``batches`` and ``delivery_reports`` hold the operations.

    :param account: Credentials, region, time limits.
    :param sleep: Waits between attempts; tests pass something faster.
    """

    def __init__(self, account: Account, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.account = account
        self.batches = Batches(self.call)
        self.delivery_reports = DeliveryReports(self.call)
        self._sleep = sleep
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, AskingAdapter())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def call(self, call: Call[T]) -> T:
        """
        Make a call, repeating it where that is safe.

        :raises SinchError: It failed; the error tells whether it may have taken effect.
        """
        retrying = tenacity.Retrying(**retry.policy(), sleep=self._sleep)
        result: T = retrying(self._attempt, call)
        return result

    def follow(self, steps: Generator[Step, Any, T]) -> T:
        """Make the calls and pauses that a procedure asks for, and return its result."""
        try:
            step = next(steps)
            while True:
                try:
                    result = self._sleep(step.seconds) if isinstance(step, Pause) else self.call(step)
                except SinchError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    def _attempt(self, call: Call[T]) -> T:
        request = request_for(self.account, call)
        token = self._token(call)
        answer = self._exchange(call, request, token)
        credentials = self.account.credentials
        if isinstance(credentials, ProjectCredentials) and is_expired_token(answer):
            token_slot(self.account, credentials).drop(token)
            answer = self._exchange(call, request, self._token(call))
        if call.observe is not None:
            call.observe(answer)
        return read_answer(call, answer)

    def _token(self, call: Call[Any]) -> str:
        credentials = self.account.credentials
        if not isinstance(credentials, ProjectCredentials):
            return credentials.api_token
        slot = token_slot(self.account, credentials)
        if token := slot.current():
            return token
        with slot.lock:
            if token := slot.current():
                return token
            wanted = Call(call.operation, "POST", "", call.parse)
            answer = self._exchange(wanted, token_request(self.account, credentials))
            return slot.store(read_grant(call.operation, answer))

    def _exchange(self, call: Call[Any], request: Request, token: str | None = None) -> Answer:
        try:
            with permitted_by(call.permit):
                response = self._session.request(
                    request.method,
                    request.url,
                    data=request.body,
                    headers=dict(request.headers),
                    auth=_Headers(token),
                    timeout=self.account.timeout,
                    allow_redirects=False,
                )
        except (OSError, ValueError) as error:
            # requests' own errors, and what it raises bare: a missing CA bundle, a redirect to no URL.
            # Raised below, outside this block: the library's errors quote URLs, which can hold phone numbers.
            failure = (no_connection if _never_left(error) else lost_connection)(call, error)
        else:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, headers, response.content)
        raise failure


class _Headers(AuthBase):
    """Sets the bearer token last, so that no ``.netrc`` entry can take its place."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _never_left(error: OSError | ValueError) -> bool:
    if not isinstance(error, requests.RequestException):
        # So requests says that the CA bundle is missing; every other OSError has a number or a class.
        return type(error) is OSError and error.errno is None
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(reason, urllib3.exceptions.ProxyError):
        # urllib3 also says this of a connection through a proxy that broke after the request had left, so
        # only what lies beneath tells.
        reason = reason.original_error
        if str(reason).startswith("Tunnel connection failed"):
            return True
    certificate_refused = any(
        isinstance(arg, ssl.SSLCertVerificationError) for arg in getattr(reason, "args", ())
    )
    return certificate_refused or isinstance(error, _BEFORE_SENDING) or isinstance(reason, _BEFORE_SENDING)


class _MaskedUrls(logging.Filter):
    """urllib3 logs URLs at level DEBUG, and ours can hold phone numbers."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and any("/xms/v1/" in str(arg) for arg in record.args):
            record.args = tuple(
                mask_text(unquote(arg)) if isinstance(arg, str) else arg for arg in record.args
            )
        return True


logging.getLogger(urllib3.connectionpool.__name__).addFilter(_MaskedUrls())
