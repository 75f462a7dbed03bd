"""Where the exclusions of a campaign come from: a value, a file, a query, or another campaign."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sinch_provider.sms.campaign.exclusions import Exclusions, Read
from sinch_provider.sms.campaign.groups import members_of
from sinch_provider.sms.campaign.reached import people_reached
from sinch_provider.sms.errors import Fault, SinchValidationError
from sinch_provider.sms.fields.recipients import is_group_id
from sinch_provider.task.sources import Use, read_file, read_query, read_value

if TYPE_CHECKING:
    from sinch_provider.sms.client import SinchClient

T = TypeVar("T")


def exclusions_of(
    client: SinchClient,
    *,
    exclude: Any,
    exclude_sql: str | None,
    exclude_conn_id: str | None,
    exclude_campaign: Any,
    exclude_max_age: timedelta,
    default_country: str | None,
) -> Callable[[Collection[str]], Awaitable[Exclusions]] | None:
    """
    Return what makes the exclusions of a campaign; None: there are none.

    :param client: Asks Sinch who is in a group, and whom another campaign has reached.
    :param exclude: Rows, the path of a file with them, or a group id.
    :param exclude_sql: A query.
    :param exclude_conn_id: The connection of its database.
    :param exclude_campaign: What another campaign has returned, or its reference.
    :param exclude_max_age: They are read again when they are older.
    :param default_country: Whose numbers those without ``+`` are.
    """
    sources: dict[str, Read] = {}
    if isinstance(exclude, str) and is_group_id(exclude.strip()):
        sources["exclude"] = partial(read_value, [exclude])
    elif isinstance(exclude, str):
        sources["exclude"] = partial(read_file, exclude)
    elif exclude is not None:
        sources["exclude"] = partial(read_value, exclude)
    if exclude_sql is not None:
        if not exclude_conn_id:
            raise SinchValidationError([Fault("exclude_conn_id", "is required for exclude_sql")], "send")
        sources["exclude_sql"] = partial(read_query, exclude_sql, exclude_conn_id)
    if not sources and exclude_campaign is None:
        return None

    other = None if exclude_campaign is None else _campaign(exclude_campaign)

    def read_group(group_id: str, use: Use[T]) -> T:
        return read_value(client.follow(members_of(group_id)), use)

    async def make(were_there: Collection[str]) -> Exclusions:
        return Exclusions(
            sources,
            default_country,
            exclude_max_age.total_seconds(),
            read_group=read_group,
            read_people=None if other is None else lambda: client.follow(people_reached(*other)),
            were_there=were_there,
        )

    return make


def _campaign(campaign: Any) -> tuple[str, int] | None:
    """Reference of a campaign, and how many batches it has at least. None: it has texted nobody."""
    found: Any = campaign
    batches: Any = 1
    if isinstance(campaign, Mapping):
        found, batches = campaign.get("reference"), campaign.get("batches")
        if "reference" in campaign and found is None and batches == 0:
            if campaign.get("people"):
                rule = "is what a dry run has returned, which has texted nobody: name the task that sends"
                raise SinchValidationError([Fault("exclude_campaign", rule)], "send")
            return None
    if isinstance(found, str) and found.strip() and isinstance(batches, int):
        return found.strip(), batches
    rule = "must be what a campaign has returned, or its reference"
    raise SinchValidationError([Fault("exclude_campaign", rule, type(campaign).__name__)], "send")
