"""Any input: a request is refused with the field's name, or can be sent. An error never shows a value."""

from __future__ import annotations

import inspect
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.sms.fields import table
from sinch_provider.sms.wire.call import Call
from sinch_provider.sms.wire.request import request_for
from tests.unit.sms.calls import ID, TO
from tests.unit.sms.fields.test_validation import refused

ACCOUNT = Account(credentials=ServicePlanCredentials("plan", "token"))
BINARY = {"type_": "mt_binary", "udh": "050003C40201", "body": "SGVsbG8gYmluYXJ5"}
MEDIA = {"type_": "mt_media", "body": {"url": "https://media.example.test/chart.png"}}


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes()
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=6,
)
operations = st.sampled_from(
    [
        (endpoints.send, table.MESSAGE),
        (endpoints.send_dry_run, {**table.MESSAGE, **table.DRY_RUN_QUERY}),
        (endpoints.replace, {**table.PATH, **table.MESSAGE}),
        (endpoints.update, {**table.PATH, **table.UPDATE}),
        (endpoints.list_batches, table.LISTING),
        (endpoints.get_delivery_report, {**table.PATH, **table.REPORT}),
        (endpoints.list_delivery_reports, table.LISTING),
    ]
)


def describe(operation: Any, **values: Any) -> Call[Any] | None:
    """Describe a call as :func:`describe_or_raise` does; None if the values are refused."""
    try:
        return describe_or_raise(operation, **values)
    except SinchValidationError:
        return None


def describe_or_raise(operation: Any, **values: Any) -> Call[Any]:
    """Describe a call with the given values, and those that no such call can be without."""
    complete = {"batch_id": ID, "body": "Hi", "to": TO, **values}
    call: Call[Any] = operation(
        **{name: complete[name] for name in inspect.signature(operation).parameters if name in complete}
    )
    return call


# A machine under load is no fault of the rules.
@settings(deadline=None)
@given(operations, st.data())
def test_junk_is_refused_or_can_be_sent(operation: tuple[Any, Any], data: st.DataObject) -> None:
    function, fields = operation
    values = data.draw(st.dictionaries(st.sampled_from(sorted(fields)), junk, max_size=4))
    call = describe(function, **values)
    if call is not None:
        request = request_for(ACCOUNT, call)
        assert request.url.isascii()
        assert "/xms/v1/plan/" in request.url


PRIVATE = [
    "Hi Maria, your results are in",
    "+447700900222",
    "447700900222",
    "44 7700-900 222",
    "https://hooks.example.test/sms?token=hunter2",
]


@settings(deadline=None)
@given(
    operations,
    st.data(),
    st.sampled_from(PRIVATE),
    st.sampled_from(
        [str, lambda v: [v], lambda v: {v: v}, lambda v: {"k": {v: 1}}, lambda v: {"k": {"default": [v]}}]
    ),
)
def test_a_value_in_the_wrong_place_does_not_show_in_the_error(
    operation: tuple[Any, Any], data: st.DataObject, secret: str, wrapped: Any
) -> None:
    function, fields = operation
    name = data.draw(st.sampled_from(sorted(fields.keys() & inspect.signature(function).parameters.keys())))
    try:
        describe_or_raise(function, **{name: wrapped(secret)})
    except SinchValidationError as error:
        shown = f"{error} {error.faults}"
        assert secret not in shown
        assert "Maria, your" not in shown
        assert "hunter2" not in shown
        assert "447700900222" not in "".join(filter(str.isdecimal, shown))


def test_a_number_too_long_to_write_out_is_refused() -> None:
    # Python itself refuses to turn integers of this size into text.
    assert refused(to=[10**5000], max_number_of_message_parts=10**5000, type_=10**5000) == [
        "to[0]",
        "type_",
        "max_number_of_message_parts",
    ]
