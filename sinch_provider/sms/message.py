"""The parameters of a message, described once for endpoints, clients and operators."""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from inspect import Parameter
from typing import Any, Final, ParamSpec, TypedDict, TypeVar

#: Phone numbers and group ids: one, several as text, or a collection. Collections may be nested.
Recipients = str | int | Iterable["Recipients"]
#: Text; for ``mt_media`` an object with ``url``, ``subject`` and ``message``.
Body = str | Mapping[str, Any]
#: Values by name, and by number or ``default``.
Parameters = Mapping[str, Mapping[str, str | int]]
#: A naive ``datetime`` means UTC; text is ISO-8601.
Time = str | datetime

P = ParamSpec("P")
T = TypeVar("T")


class MessageOptions(TypedDict, total=False):
    """
    The optional parameters of a message. None means "not sent".

    :param from_: Sender: a number, a short code, or a name of up to 11 characters. By default the
        connection's extra ``from``, else the service plan's default.
    :param delivery_report: Callbacks wanted: ``none``, ``summary``, ``full``, ``per_recipient`` or
        ``per_recipient_final``. Reports can be read with any of them.
    :param parameters: ``{"name": {"<number>": "Maria", "default": "there"}}`` fills ``${name}`` in the body.
        Names have up to 16 characters, values up to 160. Body and parameters must have the same names;
        without a default, every recipient needs a value.
    :param type_: ``mt_text``, ``mt_binary`` or ``mt_media``.
    :param send_at: When to send. By default, or if it is in the past: now.
    :param expire_at: When Sinch stops trying. By default, and at most, three days after sending.
    :param callback_url: Where Sinch posts reports. By default the service plan's URL.
    :param client_reference: Your own label, which batch and reports carry. Up to 128 characters are safe. No
        personal data.
    :param feedback_enabled: Whether delivery feedback will be sent for this batch.
    :param flash_message: Whether the phone shows the text at once, without storing it.
    :param truncate_concat: Whether to cut the text to one part.
    :param max_number_of_message_parts: Recipients whose text needs more parts get nothing (status Aborted,
        code 411).
    :param from_ton: The sender's type of number, 0 to 6. Needs ``from_npi``.
    :param from_npi: The sender's numbering plan, 0 to 18. Needs ``from_ton``.
    :param udh: User data header in hexadecimal, for ``mt_binary``. At most 140 bytes together with the body.
    :param strict_validation: Whether Sinch checks media before sending, for ``mt_media``.
    """

    from_: str | None
    delivery_report: str | None
    parameters: Parameters | None
    type_: str | None
    send_at: Time | None
    expire_at: Time | None
    callback_url: str | None
    client_reference: str | None
    feedback_enabled: bool | None
    flash_message: bool | None
    truncate_concat: bool | None
    max_number_of_message_parts: int | None
    from_ton: int | None
    from_npi: int | None
    udh: str | None
    strict_validation: bool | None


class MessageFields(MessageOptions):
    """
    The parameters of a whole message, as send, dry run and replace take them.

    :param to: Recipients, 1 to 1000: phone numbers in any international format, and group ids. A list; or
        text, with commas or line breaks between them, or a JSON list. Repeated recipients count once.
    :param body: Text of up to 2000 characters. For ``mt_binary`` base64; for ``mt_media`` an object with
        ``url`` and optionally ``subject`` and ``message``.
    """

    to: Recipients
    body: Body


class MessageChanges(MessageOptions, total=False):
    """
    The parameters of an update. None means "leave as it is".

    :param to_add: Recipients to add, 1 to 100.
    :param to_remove: Recipients to remove, 1 to 100.
    :param body: The new body.
    """

    to_add: Recipients | None
    to_remove: Recipients | None
    body: Body | None


_OPTIONS: Final = tuple(MessageOptions.__annotations__)
#: The parameters of a message and of an update, in the order in which every signature has them.
MESSAGE: Final = ("to", "body", *_OPTIONS)
CHANGES: Final = ("to_add", "to_remove", "body", *_OPTIONS)
#: The defaults of a message that are not None. An update has no defaults.
DEFAULTS: Final[Mapping[str, str]] = {"delivery_report": "none", "type_": "mt_text"}

#: In the docs of an endpoint, the line that stands for the parameters of the message.
_PLACE: Final = re.compile(r"^( *):param (?:message|changes): .*\n", re.MULTILINE)
_PARAM: Final = re.compile(r"^:param (\w+): ((?:.*\n)(?: +.*\n)*)", re.MULTILINE)


def takes_message(endpoint: Callable[P, T]) -> Callable[P, T]:
    """
    Give an endpoint that takes ``**message`` the whole signature and docs of a message at run time.

    A parameter that does not exist is a ``TypeError``. Defaults are filled in.
    """
    return _completed(endpoint, MessageFields, MESSAGE, DEFAULTS)


def takes_changes(endpoint: Callable[P, T]) -> Callable[P, T]:
    """Complete an endpoint that takes ``**changes`` like :func:`takes_message`."""
    return _completed(endpoint, MessageChanges, CHANGES, {})


def docs_of(described: object) -> dict[str, str]:
    """Read the docs of parameters, by name, from the docstring of a class or a function."""
    # Python 3.13 and later remove the indentation themselves.
    found = _PARAM.findall(f"{inspect.cleandoc(described.__doc__ or '')}\n")
    return {name: " ".join(text.split()) for name, text in found}


def _completed(
    endpoint: Callable[P, T], fields: Any, names: Iterable[str], defaults: Mapping[str, str]
) -> Callable[P, T]:
    own = inspect.signature(endpoint)
    message = [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if name in fields.__required_keys__ else defaults.get(name),
            annotation=fields.__annotations__[name].__forward_arg__,
        )
        for name in names
    ]
    positional = [each for each in own.parameters.values() if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
    further = [each for each in own.parameters.values() if each.kind is Parameter.KEYWORD_ONLY]
    signature = own.replace(parameters=[*positional, *message, *further])
    named = [*message, *further]
    known = frozenset(each.name for each in named)
    required = frozenset(each.name for each in named if each.default is Parameter.empty)
    call: Any = endpoint

    @functools.wraps(endpoint)
    def completed(*args: P.args, **kwargs: P.kwargs) -> T:
        # The signature would find the same, at ten times the cost. It makes the error.
        if not (len(args) == len(positional) and required <= kwargs.keys() <= known):
            signature.bind(*args, **kwargs)
        result: T = call(*args, **{**defaults, **kwargs})
        return result

    completed.__signature__ = signature  # type: ignore[attr-defined]
    if endpoint.__doc__:
        docs = {**docs_of(MessageOptions), **docs_of(fields)}
        completed.__doc__ = _PLACE.sub(
            lambda place: "".join(_line(place[1], f":param {name}: {docs[name]}") for name in names),
            endpoint.__doc__,
        )
    return completed


def _line(indent: str, text: str) -> str:
    return textwrap.fill(text, 100, initial_indent=indent, subsequent_indent=f"{indent}    ") + "\n"
