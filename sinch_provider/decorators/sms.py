"""``@task.sinch_sms``: a function returns the text of a batch, or the arguments of its send."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import DecoratedOperator, context_merge, task_decorator_factory

from sinch_provider.operators.send import SinchSendBatchOperator
from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields import table

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, TaskDecorator

#: What the function may return. Other arguments must be known before the task runs.
_RETURNED: Final = tuple(dict.fromkeys(("to", "body", *table.MESSAGE, "send_key", "max_total_parts")))


class _Later:
    """Stands for an argument that the function returns."""

    def serialize(self) -> str:
        """Describe it for the Dag as Airflow stores it."""
        return repr(self)

    def __repr__(self) -> str:
        return "DYNAMIC (set during execution)"


_LATER: Final = _Later()


class _SmsDecoratedOperator(DecoratedOperator, SinchSendBatchOperator):
    """
    Call a function, and send what it returns, once.

    :param python_callable: Returns the text; or a mapping with ``body``, ``to``, ``parameters`` or another
        field of a message, or with ``send_key`` or ``max_total_parts``. Templates in it are rendered.
    :param op_args: Arguments of the function. (templated)
    :param op_kwargs: Named arguments of the function. (templated)
    :param to: Recipients, if the function does not return them. (templated)
    :param kwargs: The other arguments of ``SinchSendBatchOperator``.
    """

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *SinchSendBatchOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = dict(DecoratedOperator.template_fields_renderers)
    private_fields = ("op_args", "op_kwargs", *SinchSendBatchOperator.private_fields)
    custom_operator_name = "@task.sinch_sms"
    overwrite_rtif_after_execution = True

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        to: Any = _LATER,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            to=to,
            body=_LATER,
            **kwargs,
        )

    def execute(self, context: Context) -> str:
        """Call the function, and send."""
        from sinch_provider.operators import running

        context_merge(context, self.op_kwargs)
        named = _arguments_of(self.python_callable, self.op_args, context)
        said = self.python_callable(*self.op_args, **named)
        with running.airflow_failures():
            returned = self._arguments_of(said)
        for name, value in returned.items():
            setattr(self, name, value)
        self._render_returned(context, returned)
        return SinchSendBatchOperator.execute(self, context)

    def _arguments_of(self, returned: Any) -> Mapping[str, Any]:
        """
        Return the arguments that the function has returned.

        :raises SinchValidationError: It is something else than text or arguments.
        """
        if isinstance(returned, str):
            returned = {"body": returned}
        if not isinstance(returned, Mapping):
            rule = "must be text, or a mapping of arguments"
            raise self._invalid([Fault("return_value", rule, type(returned).__name__)])
        if strangers := len(returned.keys() - set(_RETURNED)):
            # They are not named: a mapping of numbers would have them as its keys.
            known = ", ".join(_RETURNED)
            rule = f"must not have other keys than {known}, and {strangers} of its keys are others"
            raise self._invalid([Fault("return_value", rule)])
        lacking = [name for name in ("to", "body") if returned.get(name, getattr(self, name)) is _LATER]
        if lacking:
            raise self._invalid([Fault(name, "must be returned by the function") for name in lacking])
        return returned

    def _render_returned(self, context: Context, returned: Mapping[str, Any]) -> None:
        """Render what the function has returned, and nothing twice: data may look like a template."""
        fields = self.template_fields
        own = {str(name) for name in DecoratedOperator.template_fields} | returned.keys()
        before = [name for name in self._found_nothing if name not in own]
        self.template_fields = [str(name) for name in fields if str(name) in returned]
        try:
            self.render_template_fields(context)
        finally:
            self.template_fields = fields
        self._found_nothing = [*before, *self._found_nothing]


def _arguments_of(
    function: Callable[..., Any], positional: Collection[Any], context: Context
) -> Mapping[str, Any]:
    """Return the named arguments that a function takes, from a context."""
    try:
        from airflow.providers.common.compat.sdk import determine_kwargs
    except ImportError:
        from airflow.utils.operator_helpers import determine_kwargs  # type: ignore[attr-defined]
    found: Mapping[str, Any] = determine_kwargs(function, positional, context)
    return found


def sinch_sms_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> TaskDecorator:
    """
    Make a task that sends what a function returns: ``@task.sinch_sms``.

    :param python_callable: The function. It returns the text; or a mapping with ``body``, ``to``,
        ``parameters`` or other fields of the message. Templates in it are rendered.
    :param kwargs: Arguments of ``SinchSendBatchOperator``.
    """
    return task_decorator_factory(
        python_callable=python_callable,
        # What the function returns goes to Sinch, not to other tasks.
        multiple_outputs=False,
        decorated_operator_class=_SmsDecoratedOperator,
        **kwargs,
    )
