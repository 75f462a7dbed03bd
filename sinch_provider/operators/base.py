"""What all operators of this provider share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowException, BaseOperator

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sms.masking import Private

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context


class SinchOperator(BaseOperator):
    """
    Base of the batch operators.

    :param sinch_conn_id: The connection. (templated)
    """

    template_fields: Sequence[str] = ("sinch_conn_id",)
    ui_color = "#fff3c4"

    #: Templated fields that hold numbers or texts: Airflow's "Rendered Template" shows and stores only how
    #: much they hold.
    private_fields: ClassVar[Sequence[str]] = ()

    def __init__(self, *, sinch_conn_id: str = SinchHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sinch_conn_id = sinch_conn_id

    @property
    def hook(self) -> SinchHook:
        """A hook on this operator's connection."""
        return SinchHook(self.sinch_conn_id)

    def values(self, names: Iterable[str]) -> dict[str, Any]:
        """Give fields by name, as the API functions take them."""
        return {name: Private.reveal(getattr(self, name)) for name in names}

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        # Airflow logs a field that cannot be rendered, and stores the fields as they are after this, also for
        # mapped tasks; so private ones are rendered and hidden here.
        private = self.private_fields if parent is self else ()
        for name in private:
            setattr(self, name, self._rendered_and_hidden(name, context, jinja_env, seen_oids))
        others = [name for name in template_fields if name not in private]
        super()._do_render_template_fields(parent, others, context, jinja_env, seen_oids)

    def _rendered_and_hidden(
        self, name: str, context: Context, jinja_env: jinja2.Environment, seen_oids: set[int]
    ) -> Private | None:
        value = getattr(self, name)
        if value is None or isinstance(value, Private):
            return value
        try:
            rendered = self.render_template(value, context, jinja_env, seen_oids)
        except AirflowException:
            # What another task gave may not be there yet, or a macro of the user's skips the task.
            raise
        except Exception as error:
            # The name of something undefined is no secret; other errors quote the template.
            kind = type(error).__name__
            reason = f"{kind}: {error}" if kind == "UndefinedError" else kind
            failure = AirflowException(
                f"The template of {name} cannot be rendered ({reason}). Nothing was sent."
            )
        else:
            return None if rendered is None else Private(rendered)
        raise failure
