"""``SinchHook``: makes a client from an Airflow connection."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook, mask_secret

from sinch_provider.get_provider_info import get_provider_info
from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.masking import mask_text

if TYPE_CHECKING:
    from sinch_provider.sms.account import Account
    from sinch_provider.sms.aio import AsyncSinchClient
    from sinch_provider.sms.client import Batches, DeliveryReports, SinchClient

#: "Test connection" occupies an Airflow server for at most this long, and a moment: five seconds in all.
_TEST_SECONDS: Final = 4.9
_ID: Final = r"[\x21-\x7e]{1,250}"


def is_name(conn_id: str) -> bool:
    """
    Whether it can be the name of a connection.

    A mistake in the arguments can put numbers and texts here. Airflow is not asked for them: it logs them.
    """
    return re.fullmatch(_ID, conn_id) is not None and mask_text(conn_id) == conn_id


class SinchConnectionMissing(AirflowNotFoundException):
    """
    Airflow has no connection of this name, or cannot be asked for it.

    The text does not say whether anything was sent: a task that waits may have sent before.

    :param conn_id: The name.
    """

    def __init__(self, conn_id: str) -> None:
        self.conn_id = conn_id
        variable = f"AIRFLOW_CONN_{conn_id.upper()}"
        if not is_name(conn_id):
            what = f"sinch_conn_id is not the name of a connection ({len(conn_id)} characters)."
            super().__init__(f"{what} Set it to the name of a connection.")
        elif variable in os.environ:
            super().__init__(
                f"The environment variable {variable} exists, but it does not hold a connection. "
                'Set it to JSON such as {"conn_type": "sinch", ...}, or to a URI that begins with sinch://.'
            )
        else:
            example = '{"conn_type": "sinch", "login": "...", "password": "...", "extra": {"region": "eu"}}'
            super().__init__(
                f"There is no connection {conn_id!r}. Create it with: "
                f"airflow connections add {shlex.quote(conn_id)} --conn-json '{example}' - "
                f"or set {variable} to the same JSON for workers and triggerer."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.conn_id,)


class SinchHook(BaseHook):
    """
    Talk to Sinch with the credentials of an Airflow connection.

    The connection holds a service plan (login: service plan id, password: API token) or, where the extra
    ``project_id`` is set, an access key (login: key id, password: key secret). More extras: ``region``,
    ``from``, ``timeout``, ``base_url``, ``auth_url``, ``allow_insecure``, ``namespace``, ``only_to``,
    ``alert_to``, ``dashboard_url``.

    :param sinch_conn_id: The connection.
    """

    conn_name_attr = "sinch_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = "sinch"
    hook_name = "Sinch SMS"

    def __init__(self, sinch_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sinch_conn_id = sinch_conn_id

    def __getstate__(self) -> dict[str, Any]:
        # The client holds credentials. It is made again where the hook is unpickled.
        return {name: value for name, value in self.__dict__.items() if name != "_client"}

    @cached_property
    def _client(self) -> SinchClient:
        return self.new_client()

    def new_client(self, **options: Any) -> SinchClient:
        """
        Make another client of this connection, for the caller to close.

        :param options: As :class:`~sinch_provider.sms.client.SinchClient` takes them.
        :raises SinchConnectionMissing: There is no such connection.
        :raises SinchValidationError: The connection is wrong; names every faulty field.
        """
        from sinch_provider.sms.client import SinchClient

        return SinchClient(
            self._account(self.get_connection(self.sinch_conn_id)), conceal=mask_secret, **options
        )

    @classmethod
    def get_connection(cls, conn_id: str) -> Any:
        """
        Read a connection.

        :raises SinchConnectionMissing: There is no such connection.
        """
        if not is_name(conn_id):
            raise SinchConnectionMissing(conn_id)
        try:
            return super().get_connection(conn_id)
        except AirflowNotFoundException:
            raise SinchConnectionMissing(conn_id) from None

    def _account(self, connection: Any) -> Account:
        from sinch_provider.hooks.accounts import account_of

        account = account_of(connection, connection.extra_dejson)
        for secret in account.credentials.secrets():
            mask_secret(secret)
        return account

    def get_conn(self) -> SinchClient:
        """
        Return the client of this connection.

        :raises SinchConnectionMissing: There is no such connection.
        :raises SinchValidationError: The connection is wrong; names every faulty field.
        """
        return self._client

    async def get_async_conn(self) -> AsyncSinchClient:
        """
        Return an asynchronous client of this connection, to be used with ``async with``.

        :raises SinchConnectionMissing: There is no such connection.
        :raises SinchValidationError: The connection is wrong; names every faulty field.
        """
        account = await read_account(self)
        from sinch_provider.sms.aio import AsyncSinchClient

        return AsyncSinchClient(account, conceal=conceal)

    @property
    def batches(self) -> Batches:
        """The batch operations."""
        return self.get_conn().batches

    @property
    def delivery_reports(self) -> DeliveryReports:
        """The reads of delivery reports."""
        return self.get_conn().delivery_reports

    def test_connection(self) -> tuple[bool, str]:
        """
        Make one cheap read within seconds, without repeats, and say what is right or wrong.

        Credentials go only to Sinch, to this machine, and to the connection's ``host``: Airflow lets people
        test a stored connection with other extras, and checks only that ``host`` and ``port`` are the stored.
        """
        from sinch_provider.sms.runtime import current

        # The imports for the first time count too.
        began = current().monotonic()
        from sinch_provider.hooks.accounts import unknown_extras, url_of_host
        from sinch_provider.hooks.trial import try_account

        try:
            connection = self.get_connection(self.sinch_conn_id)
        except SinchConnectionMissing as error:
            return False, str(error)
        try:
            account = self._account(connection)
        except SinchError as error:
            works, said = False, str(error)
        else:
            left = _TEST_SECONDS - (current().monotonic() - began)
            works, said = try_account(account, mask_secret, left, url_of_host(connection))
        if unknown := unknown_extras(connection.extra_dejson):
            # Faults are a list, one a line.
            said += "\n" if "\n" in said else " "
            said += f"The connection has unknown extras, which are ignored: {unknown}."
        return works, said

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Build the form's own fields for Airflow before 3.2."""
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
        from flask_babel import lazy_gettext
        from wtforms import BooleanField, StringField
        from wtforms.validators import Optional, any_of

        widgets = {}
        for name, field in _form()["conn-fields"].items():
            schema = field["schema"]
            label, default = lazy_gettext(field["label"]), schema.get("default")
            details = {"description": field["description"]}
            if "boolean" in schema["type"]:
                widgets[name] = BooleanField(label, default=default, **details)
            else:
                details |= {"default": None if default is None else str(default)}
                rules = [Optional(), *([any_of(schema["enum"])] if "enum" in schema else [])]
                widgets[name] = StringField(label, rules, widget=BS3TextFieldWidget(), **details)
        return widgets

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Shape the form's standard fields for Airflow before 3.2."""
        return {name.replace("-", "_"): value for name, value in _form()["ui-field-behaviour"].items()}


def _form() -> dict[str, Any]:
    form: dict[str, Any] = get_provider_info()["connection-types"][0]
    return form


async def read_account(hook: SinchHook) -> Account:
    """
    Read the connection of a hook without blocking the event loop.

    :raises SinchConnectionMissing: There is no such connection.
    :raises SinchValidationError: The connection is wrong; names every faulty field.
    """
    if not is_name(hook.sinch_conn_id):
        raise SinchConnectionMissing(hook.sinch_conn_id)
    # Importing the clients for the first time takes longer than any request.
    await asyncio.to_thread(import_module, "sinch_provider.sms.aio")
    accounts = await asyncio.to_thread(import_module, "sinch_provider.hooks.accounts")
    compat = await asyncio.to_thread(import_module, "airflow.providers.common.compat.connection")
    try:
        connection = await compat.get_async_connection(hook.sinch_conn_id, hook)
    except AirflowNotFoundException:
        raise SinchConnectionMissing(hook.sinch_conn_id) from None
    account: Account = accounts.account_of(connection, await compat.get_async_extra_dejson(connection))
    for secret in account.credentials.secrets():
        await conceal(secret)
    return account


async def conceal(secret: str) -> None:
    """Let Airflow mask a secret in logs, without blocking the event loop."""
    from asgiref.sync import sync_to_async

    # mask_secret talks to the supervisor.
    await sync_to_async(mask_secret)(secret)
