"""What Airflow's metadata database says of task instances, in the layouts of Airflow 3.3 and 3.4."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from tests.system.services import Postgres

#: Run, task and map index.
Key = tuple[str, str, int]


@dataclass(frozen=True)
class Layout:
    """
    The tables and columns of one layout of Airflow's database.

    :param index: The column of map indexes.
    :param live: A condition that selects a task instance, without its earlier attempts.
    :param results: Tables and conditions that give each task instance's return value as ``value``.
    """

    index: str
    live: str
    results: str


#: Every attempt has its own row, and results refer to that row.
_OF_TRIES: Final = Layout(
    "region_index",
    "t.working_set",
    "task_instance t join xcom_v2 x on x.task_instance_id = t.id where t.working_set",
)
_OF_INSTANCES: Final = Layout("map_index", "true", "xcom t where true")


class Metadata:
    """
    Answers the questions of this test.

    :param database: Where Airflow has migrated its tables to.
    """

    def __init__(self, database: Postgres) -> None:
        self._database = database

    @cached_property
    def _layout(self) -> Layout:
        columns = self._database.query(
            "select column_name from information_schema.columns where table_name = 'task_instance'"
        )
        return _OF_TRIES if ("working_set",) in columns else _OF_INSTANCES

    def _query(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        layout = self._layout
        return self._database.query(sql.format(index=layout.index, live=layout.live), *values)

    def open_runs(self, prefix: str) -> int:
        """Count the runs that have not ended."""
        found = self._query(
            "select count(*) from dag_run where state not in ('success', 'failed') and run_id like %s",
            f"{prefix}%",
        )
        return int(str(found[0][0]))

    def states(self) -> dict[Key, tuple[str, int]]:
        """Return state and number of attempts of every task instance."""
        found = self._query(
            "select run_id, task_id, {index}, state, try_number from task_instance t where {live}"
        )
        return {_key(*row[:3]): (str(row[3]), int(str(row[4]))) for row in found}

    def in_state(self, state: str) -> list[Key]:
        """List the task instances in a state."""
        sql = "select run_id, task_id, {index} from task_instance t where {live} and state = %s"
        return [_key(*row) for row in self._query(sql, state)]

    def results(self) -> dict[Key, Any]:
        """Give what every task instance returned."""
        found = self._query(
            f"select t.run_id, t.task_id, t.{{index}}, value from {self._layout.results} "
            "and key = 'return_value'"
        )
        return {_key(*row[:3]): row[3] for row in found}

    def ids(self, key: Key) -> set[str]:
        """List the ids that a task instance has had, as far as Airflow remembers them."""
        found = self._query(
            "select id::text from task_instance where run_id = %s and task_id = %s and {index} = %s", *key
        )
        return {str(row[0]) for row in found}

    def sending(self) -> set[str]:
        """List the ids of those that have written their intent to send in this try, and no outcome yet."""
        found = self._query(
            "select t.id::text from task_instance t join task_state_store s "
            "using (dag_id, run_id, task_id, {index}) where {live} and t.state = 'running' "
            """and s.value like '%"attempt": ' || t.try_number || ',%"state": "intent"%'"""
        )
        return {str(row[0]) for row in found}

    def keys_of(self, ids: set[str]) -> set[Key]:
        """Return the task instances that ids belong to."""
        found = self._query(
            "select run_id, task_id, {index} from task_instance where id::text = any(%s)", sorted(ids)
        )
        return {_key(*row) for row in found}

    def noted(self, key: Key, tries: int) -> list[str]:
        """List the log events about an attempt that Airflow ended itself."""
        found = self._database.query(
            "select event from log where run_id = %s and task_id = %s and map_index = %s and try_number = %s "
            "and event in ('heartbeat timeout', 'state mismatch', 'stuck in queued tries exceeded') "
            "order by dttm limit 1",
            *key,
            tries,
        )
        return [str(row[0]) for row in found]


def _key(run: object, task: object, index: object) -> Key:
    return str(run), str(task), int(str(index))
