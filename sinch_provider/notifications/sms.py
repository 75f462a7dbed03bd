"""``SinchSmsNotifier``: an alert by SMS about a task, a Dag, a deadline or an approval."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowException, AirflowNotFoundException, BaseNotifier

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.sms.errors import Fault, SinchError, SinchValidationError
from sinch_provider.sms.fields import table
from sinch_provider.sms.fields.rules import shown_value
from sinch_provider.sms.fields.validation import check_fields, faults_of
from sinch_provider.sms.masking import mask_text
from sinch_provider.task.arguments import is_marked, is_template

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from sinch_provider.sms.account import Account
    from sinch_provider.sms.sending.alert import Alert

log = logging.getLogger(__name__)

#: A text of 2000 characters, the longest that Sinch takes, has no more parts.
_MOST_PARTS: Final = 30
#: Sinch lists no older batches.
_LONGEST_THROTTLE: Final = timedelta(days=13)
#: Airflow's name for the field that says what is alerted, and other fields that a template can fill.
_FIELDS: Final = ("to", "body", "from_", "sinch_conn_id", "throttle_key")


class SinchSmsNotifier(BaseNotifier):
    """
    Tell people by SMS what has happened, within 20 seconds.

    For callbacks of tasks and Dags, for deadlines, and for the ``notifiers`` of an approval. An alert that
    cannot be sent is logged, and does not fail what it tells about. Airflow may run a callback twice: an
    alert is not repeated if Sinch lists it already. If that is unknown, it is sent: better twice than never.

    For deadlines, name the recipients in the connection. Airflow stores the arguments of such a callback in
    plain text, and adds them to its metrics.

    :param to: Recipients, in any form that ``SinchSendBatchOperator`` takes. By default those of the
        connection's extra ``alert_to``. (templated)
    :param body: The text. By default it says what has happened to which task, Dag and run. If it cannot be
        rendered, the default text is sent. (templated)
    :param from_: Sender. By default the connection's extra ``from``, else the service plan's default.
        (templated)
    :param max_parts: The most SMS parts, 1 to 30. A longer text is cut, and ends in three dots.
    :param throttle: Send nothing if an alert with the same key has reached the same recipients within this
        time. It is no guarantee: of alerts at the same moment, several may be sent. To make that rare, each
        first waits for up to 20 seconds.
    :param throttle_key: What ``throttle`` goes by. By default the Dag's id and the kind of alert, so that a
        text about a retry does not take the place of one about a failure. (templated)
    :param raise_on_error: Whether an alert that cannot be sent raises its error. An approval fails with it.
        Airflow before 3.1 only logs it. Without effect at deadlines.
    :param sinch_conn_id: The connection. (templated)
    :param kwargs: What Airflow passes: ``context``.
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    template_fields: Sequence[str] = _FIELDS

    def __init__(
        self,
        *,
        to: Any = None,
        body: str | None = None,
        from_: str | None = None,
        max_parts: int = 1,
        throttle: timedelta | None = None,
        throttle_key: str | None = None,
        raise_on_error: bool = False,
        sinch_conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        # With a context, Airflow makes it to alert now. It would log all arguments with an error.
        now = "context" in kwargs
        self._unknown = sorted(kwargs.keys() - {"context"}) if now else []
        super().__init__(**{name: value for name, value in kwargs.items() if name not in self._unknown})
        self.to = to
        self.body = body
        self.from_ = from_
        self.max_parts = max_parts
        self.throttle = throttle
        self.throttle_key = throttle_key
        self.raise_on_error = raise_on_error and not now
        self.sinch_conn_id = sinch_conn_id
        if not now:
            self._refuse_faults()

    def _refuse_faults(self) -> None:
        given = {"to": self.to or None, "from_": self.from_ or None}
        unknown = {name for name, value in given.items() if is_template(value)}
        fields = {name: table.MESSAGE[name] for name in given}
        faults = faults_of(check_fields, given, fields, "", unknown)
        parts, throttle = self.max_parts, self.throttle
        if isinstance(parts, bool) or not isinstance(parts, int) or not 1 <= parts <= _MOST_PARTS:
            faults.append(Fault("max_parts", f"must be a number from 1 to {_MOST_PARTS}", shown_value(parts)))
        if throttle is not None and not (
            isinstance(throttle, timedelta) and timedelta() < throttle <= _LONGEST_THROTTLE
        ):
            rule = f"must be a timedelta of at most {_LONGEST_THROTTLE.days} days"
            faults.append(Fault("throttle", rule, shown_value(throttle)))
        if self.throttle_key is not None and throttle is None:
            faults.append(Fault("throttle_key", "has no effect without throttle"))
        if faults:
            raise SinchValidationError(faults, "", type(self).__name__)

    def _update_context(self, context: Context) -> Context:
        """Add nothing to the context: later callbacks have the same one, and might show the numbers."""
        return context

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Leave the fields as written. Each alert renders them anew, so a notifier can be used again."""

    def notify(self, context: Context) -> None:
        """Send the alert from the process of a task, or from the Dag processor."""
        with self._told():
            from sinch_provider.notifications import running

            until = running.current().monotonic() + running.SECONDS
            fields = self._rendered(context)
            with running.SinchHook(fields["sinch_conn_id"]).new_client() as found:
                account = running.hasty(found.account)
            alert = self._alert(context, account, fields)
            until += alert.wait
            seconds = until - running.current().monotonic()

            def send() -> None:
                with running.SinchClient(
                    account, attempts=1, seconds=seconds, conceal=running.mask_secret
                ) as client:
                    client.follow(running.persistent(alert, until))

            running.within(seconds, send)

    async def async_notify(self, context: Context) -> None:
        """Send the alert from the triggerer."""
        import asyncio
        from importlib import import_module

        if self._unknown:
            names = ", ".join(map(mask_text, self._unknown))
            log.warning("Arguments that a notifier does not have are ignored: %s.", names)
        with self._told():
            # Loading it takes longer than the event loop may stand still.
            await asyncio.to_thread(import_module, "sinch_provider.notifications.running")
            from sinch_provider.notifications import running

            until = running.current().monotonic() + running.SECONDS
            fields = self._rendered(context)
            async with asyncio.timeout(running.SECONDS) as limit:
                account = running.hasty(
                    await running.read_account(running.SinchHook(fields["sinch_conn_id"]))
                )
                alert = self._alert(context, account, fields)
                if alert.wait:
                    limit.reschedule(limit.when() + alert.wait)  # type: ignore[operator]
                until += alert.wait
                seconds = until - running.current().monotonic()
                async with running.AsyncSinchClient(
                    account, attempts=1, seconds=seconds, conceal=running.conceal
                ) as client:
                    await client.follow(running.persistent(alert, until))

    def _alert(self, context: Context, account: Account, fields: dict[str, Any]) -> Alert:
        from sinch_provider.notifications import running

        def alert(text: Any) -> Alert:
            return running.alert_for(
                context,
                account,
                to=fields["to"],
                text=running.sendable(text, context, self.max_parts),
                from_=fields["from_"],
                written=self.body,
                throttle=self.throttle,
                throttle_key=fields["throttle_key"],
            )

        try:
            return alert(fields["body"])
        except SinchValidationError as error:
            if {fault.field for fault in error.faults} != {"body"}:
                raise
            log.warning("The body cannot be sent (%s). Using the default.", error.faults[0].rule)
        return alert(None)

    def _rendered(self, context: Context) -> dict[str, Any]:
        dag: Any = context.get("dag")
        environment = self.get_template_env() if dag is None else dag.get_template_env(force_sandboxed=True)
        fields = {}
        for name in _FIELDS:
            try:
                fields[name] = _rendered(getattr(self, name), context, environment)
            except Exception as error:
                # Errors quote the template and its data.
                reason = type(error).__name__
                if name != "body":
                    failure = AirflowException(f"The template of {name} cannot be rendered ({reason})")
                    break
                log.warning("The template of body cannot be rendered (%s). Using the default.", reason)
                fields[name] = None
        else:
            return fields
        # Raised outside the block: otherwise Airflow would log the other error too.
        raise failure

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Log why an alert was not sent, or raise it."""
        try:
            yield
        except Exception as error:
            if self.raise_on_error:
                raise
            ours = isinstance(error, (SinchError, AirflowException, AirflowNotFoundException))
            reason = str(error) if ours else type(error).__name__
            if isinstance(error, TimeoutError):
                reason = "it took too long"
            log.error("The alert was not sent, or it is unknown whether it was: %s", reason)


def _rendered(value: Any, context: Context, environment: jinja2.Environment) -> Any:
    if isinstance(value, str):
        return environment.from_string(value).render(context) if is_marked(value, environment) else value
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_rendered(each, context, environment) for each in value]
    return value


send_sinch_sms_notification = SinchSmsNotifier
