"""The error tree: what each says, carries, and survives."""

from __future__ import annotations

import copy
import pickle

import pytest

from sinch_provider.sms import errors
from sinch_provider.sms.errors import (
    Effect,
    Fault,
    SinchAlreadyDispatchedError,
    SinchCampaignInterruptedError,
    SinchConnectionError,
    SinchError,
    SinchNotFoundError,
    SinchNotSentError,
    SinchRateLimitError,
    SinchServerError,
    SinchUncertainError,
    SinchUnexpectedAnswerError,
    SinchUnsettledError,
    SinchValidationError,
)

TRANSIENT = {
    SinchRateLimitError,
    SinchServerError,
    SinchConnectionError,
    SinchUnexpectedAnswerError,
    SinchNotSentError,
    SinchUnsettledError,
    SinchCampaignInterruptedError,
}


def every_class() -> list[type[SinchError]]:
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, SinchError) and kind is not SinchError
    ]


def test_there_is_one_tree() -> None:
    assert len(every_class()) == 19
    assert issubclass(SinchValidationError, ValueError)


@pytest.mark.parametrize("kind", sorted(TRANSIENT | {SinchNotFoundError, SinchUncertainError}, key=str))
def test_only_passing_trouble_is_transient(kind: type[SinchError]) -> None:
    # An uncertain send is not transient: it must not be repeated without a look-up.
    assert kind.transient is (kind in TRANSIENT)


@pytest.mark.parametrize("kind", [kind for kind in every_class() if kind is not SinchValidationError])
def test_every_error_says_what_happened_and_what_to_do(kind: type[SinchError]) -> None:
    error = kind("send: something broke", operation="send")
    assert str(error).startswith("send: something broke. ")
    assert str(error).endswith(kind.advice)
    assert kind.advice.endswith((".", ")."))
    assert "  " not in str(error)


@pytest.mark.parametrize(
    ("operation", "effect", "sentence"),
    [
        ("send", Effect.NONE, "Nothing was sent."),
        ("send", Effect.UNKNOWN, "The batch may or may not have been sent."),
        ("update", Effect.NONE, "Nothing was changed."),
        ("replace", Effect.UNKNOWN, "The change may or may not have been made."),
        ("cancel", Effect.NONE, "Nothing was changed."),
        ("send_delivery_feedback", Effect.UNKNOWN, "The change may or may not have been made."),
        ("get", Effect.UNKNOWN, ""),
        ("send_dry_run", Effect.NONE, ""),
    ],
)
def test_the_consequence_is_told_for_calls_that_change_something(
    operation: str, effect: Effect, sentence: str
) -> None:
    message = str(SinchServerError("x", operation=operation, effect=effect))
    assert message == " ".join(part for part in ("x.", sentence, "Retry later.") if part)


def test_what_the_caller_knows_is_kept() -> None:
    error = SinchAlreadyDispatchedError(
        "too late", operation="update", status=403, code="c", text="t", retry_after=1.5, advice="Do this."
    )
    assert (error.operation, error.status, error.code, error.text) == ("update", 403, "c", "t")
    assert (error.retry_after, error.effect, error.repeatable) == (1.5, Effect.NONE, False)
    assert str(error) == "too late. Nothing was changed. Do this."


def test_an_uncertain_error_is_uncertain_by_itself() -> None:
    assert SinchUncertainError("x", operation="send").effect is Effect.UNKNOWN


def test_a_fault_reads_as_field_rule_and_value() -> None:
    assert str(Fault("to[3]", "must be a number")) == "to[3]: must be a number"
    assert str(Fault("to[3]", "must be a number", "***")) == "to[3]: must be a number (got ***)"


def test_a_validation_error_names_its_faults_and_counts_the_rest() -> None:
    assert str(SinchValidationError([Fault("to", "is required")], "send")) == (
        "send: 1 fault. Nothing was sent.\n  to: is required"
    )
    assert str(SinchValidationError([Fault("batch_id", "is required")], "cancel", "Cancel")) == (
        "Cancel: 1 fault. Nothing was changed.\n  batch_id: is required"
    )
    faults = [Fault(f"to[{index}]", "must be a number") for index in range(25)]
    error = SinchValidationError(faults)
    assert error.faults == tuple(faults)
    lines = str(error).splitlines()
    assert lines[:2] == ["25 faults in the request.", "  to[0]: must be a number"]
    assert lines[-2:] == ["  to[19]: must be a number", "  and 5 more"]


@pytest.mark.parametrize(
    "error",
    [
        SinchRateLimitError("x", operation="send", status=429, retry_after=3.0, repeatable=True),
        SinchUncertainError("x", operation="update", advice="Look."),
        SinchValidationError([Fault("to", "is required")], "send"),
    ],
)
@pytest.mark.parametrize(
    "twin_of", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]
)
def test_errors_travel_between_processes_unharmed(error: SinchError, twin_of: object) -> None:
    twin = twin_of(error)  # type: ignore[operator]
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)
