"""The people of the campaign: a table as tables are, in a database of the users' own."""

from __future__ import annotations

import random
from typing import Final

from tests.system.services import Postgres

DATABASE: Final = "guests"
#: Whoever reads the view has to take this lock at the row in the middle.
HALF_WAY: Final = 4711
#: No country has it.
PREFIX: Final = "999501"
#: What every guest is called, with a number of their own.
NAME: Final = "Guest of honour"
#: Of the people who are texted: how many more are excluded, are there twice, and have no number.
_SHARES: Final = {"excluded": 0.02, "twice": 0.01, "wrong": 0.005}
_TABLES: Final = (
    "create table people (id integer primary key, phone varchar(20), name varchar(40))",
    "create table opt_outs (phone varchar(20))",
)
_VIEW: Final = (
    "create view audience as select * from people "
    "where id <> {middle} or pg_advisory_xact_lock_shared({lock}) is not null"
)


class People:
    """
    Everybody in the table.

    :param count: How many are to be texted.
    """

    def __init__(self, count: int, chance: random.Random) -> None:
        numbers = [
            f"+{PREFIX}{number:06}" for number in range(count + max(1, int(count * _SHARES["excluded"])))
        ]
        chance.shuffle(numbers)
        #: Who gets one text, and who gets none.
        self.texted = set(numbers[:count])
        self.excluded = set(numbers[count:])
        wrong = [f"{chance.randrange(100)} n/a" for _ in range(int(count * _SHARES["wrong"]))]
        twice = chance.sample(numbers, int(count * _SHARES["twice"]))
        #: The column of numbers.
        self.rows = [*numbers, *wrong, *twice]
        chance.shuffle(self.rows)

    def write(self, database: Postgres) -> None:
        """Make the tables."""
        database.create(DATABASE)
        with database.connect(DATABASE) as connection, connection.cursor() as cursor:
            for statement in (*_TABLES, _VIEW.format(middle=len(self.rows) // 2, lock=HALF_WAY)):
                cursor.execute(statement)
            with cursor.copy("copy people from stdin") as copy:
                for number, phone in enumerate(self.rows):
                    copy.write_row((number, phone, f"{NAME} {number}"))
            with cursor.copy("copy opt_outs from stdin") as copy:
                for phone in sorted(self.excluded):
                    copy.write_row((phone,))
