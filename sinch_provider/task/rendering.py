"""``GuardedFields``: keeps numbers and texts out of what Airflow stores and logs of templated fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import AirflowException

from sinch_provider.sms.fields import table
from sinch_provider.sms.fields.rules import BrokenRuleError
from sinch_provider.sms.masking import Private, mask_text

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

#: Airflow's rule for ids, such as those of connections.
_NAME: Final = r"[\w.-]{1,250}"
_UNDEFINED: Final = r"'(\w+)' is undefined|'[\w. ]+' has no attribute '(\w+)'"
_RULES: Final = {**table.PATH, **table.MESSAGE}


class _StoredName(str):
    """The name of a field in the ``template_fields`` of a rendered task."""

    __slots__ = ()


class GuardedFields:
    """
    Keeps numbers and texts out of what Airflow stores of rendered fields and logs of failed templates.

    To store the rendered fields, Airflow reads them from the task right after rendering:
    ``getattr(task, name)`` for every name in ``template_fields`` (``_serialize_rendered_fields``; before 3.0
    ``get_serialized_template_fields``). Users' code reads the same attributes: subclasses, ``pre_execute``,
    callbacks, other templates. The only difference between the two reads is the name object. So
    rendering puts names of a special type into ``template_fields``. Read by such a name, a field gives the
    value that may be stored. Read by any other name, it gives its real value.
    """

    template_fields: Sequence[str]
    #: Templated fields with numbers or texts. Airflow's "Rendered Template" stores and shows only their size.
    private_fields: ClassVar[Sequence[str]] = ()
    #: The last sentence of an error about a template.
    unrendered: ClassVar[str] = "Nothing was sent."

    if TYPE_CHECKING:

        def render_template(
            self,
            content: Any,
            context: Context,
            jinja_env: jinja2.Environment | None = None,
            seen_oids: set[int] | None = None,
        ) -> Any: ...

    else:

        def __getattribute__(self, name: str) -> Any:
            value = super().__getattribute__(name)
            return self.stored_field(str(name), value) if type(name) is _StoredName else value

    def stored_field(self, name: str, value: Any) -> Any:
        """Return the value that Airflow may store. A field that breaks its own rule may hold anything."""
        if value is None or (isinstance(value, str) and not value.strip()):
            return value
        if name in self.private_fields or not _is_local(value) or not self.keeps_rule(name, value):
            return Private(value)
        return mask_text(value) if isinstance(value, str) else value

    def keeps_rule(self, name: str, value: Any) -> bool:
        """Whether a value that is not private fits its field."""
        if name not in _RULES:
            return isinstance(value, str) and re.fullmatch(_NAME, value) is not None
        try:
            _RULES[name].check(name, value)
        except BrokenRuleError:
            return False
        return True

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        names = [str(name) for name in template_fields]
        if parent is self:
            self.template_fields = [_StoredName(name) for name in names]
        for name in names:
            value = getattr(parent, name)
            if value is None:
                continue
            if parent is self:
                rendered = self._render_field(name, value, context, jinja_env, seen_oids)
            else:
                rendered = self._render_value(value, context, jinja_env, seen_oids)
            setattr(parent, name, rendered)

    def _render_field(
        self, name: str, value: Any, context: Context, environment: jinja2.Environment, seen_oids: set[int]
    ) -> Any:
        return self._guarded(
            name, value, environment, lambda: self._render_value(value, context, environment, seen_oids)
        )

    def _render_value(
        self, value: Any, context: Context, environment: jinja2.Environment, seen_oids: set[int]
    ) -> Any:
        if callable(value):
            return value(context=context, jinja_env=environment)
        return self.render_template(value, context, environment, seen_oids)

    def _guarded(
        self, name: str, value: Any, environment: jinja2.Environment, render: Callable[[], Any]
    ) -> Any:
        try:
            return render()
        except AirflowException:
            # The output of another task may be missing, or a user's macro may skip the task.
            raise
        except Exception as error:
            # Errors quote the template and its data, and Airflow would log them.
            said = type(error).__name__ + _named(error, value, environment)
            failure = AirflowException(
                f"The template of {name} cannot be rendered ({said}). {self.unrendered}"
            )
        # Raised outside the block: otherwise Airflow would log the other error too.
        raise failure


def _named(error: Exception, value: Any, environment: jinja2.Environment) -> str:
    """Return what a template did not find, if the template itself contains the name."""
    kind = type(error).__name__
    if kind == "UndefinedError" and (found := re.fullmatch(_UNDEFINED, str(error))):
        name = found[1] or found[2]
    elif kind == "TemplateNotFound":
        name = str(getattr(error, "name", "") or "")
    else:
        return ""
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    if not name or not any(word.search(text) for text in _sources(value, environment)):
        return ""
    return f": {mask_text(name if kind == 'TemplateNotFound' else str(error))}"


def _sources(value: Any, environment: jinja2.Environment) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        try:
            if environment.loader is not None:
                yield environment.loader.get_source(environment, value)[0]
        except Exception:
            return  # It is not a file, or cannot be read.
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _sources(each, environment)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            yield from _sources(each, environment)


def _is_local(value: Any) -> bool:
    """Whether a value can be read without a request to Airflow, unlike the outputs of mapped tasks."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(_is_local, value))
    return isinstance(value, (str, int, float, date, timedelta, Mapping))
