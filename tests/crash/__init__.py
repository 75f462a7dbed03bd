"""
Sends under crashes: the real operator runs in a model of Airflow, and the sandbox's ledger is the judge.

``world.py`` is the model of Airflow. ``actors.py`` has its processes and their clock. ``points.py`` has the
points at which they can be struck. ``schedules.py`` says what strikes and when. ``oracle.py`` says what must
hold in the end. ``mutations.py`` switches off one rule at a time, and a schedule must notice each.
"""
