"""``SinchOperator``: the arguments of all operators, from the constructor to ``execute``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from airflow.providers.common.compat.sdk import BaseOperator

from sinch_provider.hooks import DEFAULT_CONN_ID
from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.sms.fields.checked import Checked
from sinch_provider.sms.fields.rules import is_file_name
from sinch_provider.task.arguments import as_rendered, is_marked, literal_text
from sinch_provider.task.rendering import GuardedFields

if TYPE_CHECKING:
    from typing import Unpack

    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from sinch_provider.hooks.sinch import SinchHook
    from sinch_provider.sms.wire.call import Call
    from sinch_provider.task.typing import BaseOperatorArguments, TemplatedText

T = TypeVar("T")

#: The types of collections whose literals are left alone. Subclasses may be more than their entries.
_PLAIN: Final = (list, dict, tuple, set)


#: Airflow has policies for retries since 3.3.
HAS_RETRY_POLICY = hasattr(BaseOperator, "retry_policy")


class SinchOperator(GuardedFields, BaseOperator):
    """
    Base of the batch operators.

    *Private fields* hold numbers or texts; see :class:`~sinch_provider.task.rendering.GuardedFields`.

    *Texts stay as written.* A text without a template is not given to Jinja. A text with one is rendered as
    text, also with ``render_template_as_native_obj``, which would turn ``0000`` into 0. Only a template that
    is the whole of a *native field* may give a list or an object.

    :param sinch_conn_id: The connection. (templated)
    """

    template_fields: Sequence[str] = ("sinch_conn_id",)
    ui_color = "#fff3c4"

    #: The name of the API operation, for errors.
    operation: ClassVar[str] = ""
    #: Templated fields whose template may give a list or an object.
    native_fields: ClassVar[Sequence[str]] = ("to", "to_add", "to_remove", "recipients", "parameters")
    #: Templated fields that may name a file with their text; its name ends in one of ``template_ext``.
    file_fields: ClassVar[Sequence[str]] = ()

    def __init__(
        self,
        *,
        sinch_conn_id: TemplatedText = DEFAULT_CONN_ID,
        **kwargs: Unpack[BaseOperatorArguments],
    ) -> None:
        super().__init__(**kwargs)
        if HAS_RETRY_POLICY and self.retry_policy is None:
            from sinch_provider.retries import SinchRetryPolicy

            self.retry_policy = SinchRetryPolicy()
        self.sinch_conn_id = as_rendered(sinch_conn_id)
        self._hook: SinchHook | None = None
        self._refusal: SinchValidationError | None = None
        self._checked = Checked()
        self._is_rendered = False
        self._unrendered: dict[str, Any] | None = None
        self._rendered: dict[str, Any] = {}
        self._rendering: str | None = None
        self._found_nothing: list[str] = []
        self._text_environment: jinja2.Environment | None = None

    @property
    def hook(self) -> SinchHook:
        """The hook of this execution, on the connection as it is rendered."""
        from sinch_provider.hooks.sinch import SinchHook

        # Several threads of a task may execute the same operator.
        hook = self._hook
        if hook is None or hook.sinch_conn_id != self.sinch_conn_id:
            hook = self._hook = SinchHook(self.sinch_conn_id)
        return hook

    def values(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the values of fields by name, as the API functions take them."""
        return {name: getattr(self, name) for name in names}

    def argument_faults(self) -> list[Fault]:
        """Return the faults of the arguments that are known so far."""
        return []

    def _check_arguments(self) -> None:
        """
        Refuse wrong arguments, at the end of a constructor.

        The operator of a mapped task is made while the task runs, before ``execute``. Airflow would retry an
        error there and hide it in the log, so ``execute`` raises it.
        """
        with self._checked.used():
            faults = self.argument_faults()
        if faults:
            refusal = self._invalid(faults)
            if not getattr(self, "_BaseOperator__from_mapped", False):
                raise refusal
            self._refusal = refusal

    def _call(self, endpoint: Callable[..., Call[T]], **values: Any) -> Call[T]:
        """Make the call of an endpoint. What was checked when the Dag was parsed is not checked again."""
        with self._checked.used():
            return endpoint(**values)

    def _invalid(self, faults: Sequence[Fault]) -> SinchValidationError:
        return SinchValidationError(faults, self.operation, type(self).__name__)

    def _begin(self, context: Context) -> None:
        """
        Begin ``execute``: render the fields, and refuse faults that were not known before.

        :raises SinchTaskFailed: Names every fault.
        """
        from sinch_provider.operators import running

        # When it is executed again, the same name may stand for another connection.
        self._hook = None
        with running.airflow_failures():
            if self._refusal:
                raise self._refusal
            self._render_unless_airflow_did(context)
            if names := dict.fromkeys(self._found_nothing):
                rule = "must not come from a template that found no value (None)"
                others = [each for each in self.argument_faults() if each.field not in names]
                raise self._invalid([*(Fault(name, rule) for name in names), *others])

    def _render_unless_airflow_did(self, context: Context) -> None:
        # Airflow renders the tasks it runs. It does not render operators that are executed in a callback or
        # in another task, and those may be executed several times, for different tasks.
        if self._is_rendered and self._unrendered is None:
            return
        if self._unrendered is None:
            self._unrendered = self.values(map(str, self.template_fields))
        for name, value in self._unrendered.items():
            if getattr(self, name) is not self._rendered.get(name, value):
                # The user has changed it since the last execution.
                self._unrendered[name] = getattr(self, name)
            elif getattr(self, name) is not value:
                setattr(self, name, value)
        # An operator made in a running task has no Dag. The task that executes it has one.
        dag: Any = None if self.get_dag() else context.get("dag")
        self.render_template_fields(context, dag.get_template_env(force_sandboxed=True) if dag else None)
        self._rendered = self.values(self._unrendered)

    def resolve_template_files(self) -> None:
        """Leave files to rendering: Airflow would also read a recipient that ends in ``.txt`` as a file."""
        self.prepare_template()

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render a value as Airflow does, but leave texts without a template as they are."""
        # Data that a mapped task got from another task is no template. Airflow marks it in seen_oids.
        if id(content) in (seen_oids or ()):
            return content
        environment = jinja_env or self.get_template_env()
        if isinstance(content, str):
            if not is_marked(content, environment):
                return content
            rendered = self._render(environment.from_string(content), context)
            nothing = rendered is None or (isinstance(rendered, str) and rendered.strip() == "None")
        elif self._renders_as_here() and _holds_only_literals(content, environment):
            # A copy, as Airflow makes it: who changes the field does not change what is written in the Dag.
            return copy(content)
        else:
            rendered = super().render_template(content, context, environment, seen_oids)
            nothing = rendered is None and content is not None
        if nothing and self._rendering:
            self._found_nothing.append(self._rendering)
        return rendered

    def _renders_as_here(self) -> bool:
        # Airflow calls it for each value of a collection. A subclass may look for more than templates.
        return getattr(self.render_template, "__func__", None) is SinchOperator.render_template

    def _render(self, template: jinja2.Template, context: Context, dag: Any = None) -> Any:
        if template.environment is self._text_environment:
            # Airflow would turn the text into an object, because the Dag renders native objects.
            return template.render(context)
        return super()._render(template, context, dag)

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        if parent is self:
            self._found_nothing = []
            self._text_environment = self._environment_for_text(jinja_env)
        try:
            super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
        finally:
            if parent is self:
                self._rendering = self._text_environment = None
        self._is_rendered = True

    def _environment_for_text(self, jinja_env: jinja2.Environment) -> jinja2.Environment | None:
        from jinja2.nativetypes import NativeEnvironment

        dag = self.get_dag()
        if dag is None or not isinstance(jinja_env, NativeEnvironment):
            return None
        environment: jinja2.Environment = dag.get_template_env(force_sandboxed=True)
        return environment

    def _render_field(
        self, name: str, value: Any, context: Context, environment: jinja2.Environment, seen_oids: set[int]
    ) -> Any:
        self._rendering = name
        if not (name in self.native_fields and isinstance(value, str)):
            environment = self._text_environment or environment
        if name in self.file_fields and is_file_name(value, self.template_ext):
            return self._guarded(
                name, value, environment, lambda: self._render(environment.get_template(value), context)
            )
        rendered = super()._render_field(name, value, context, environment, seen_oids)
        if rendered is None and not isinstance(value, str) and name in self._found_nothing:
            # If another task's output is None, the field counts as not given.
            self._found_nothing.remove(name)
        return rendered


def _holds_only_literals(content: Any, environment: jinja2.Environment) -> bool:
    """Whether a collection has nothing to render, found out without a look at each of its values."""
    if type(content) not in _PLAIN:
        return False
    # Airflow does not render keys.
    text = literal_text(content.values() if type(content) is dict else content)
    return text is not None and not is_marked(text, environment)
