"""
Sends under crashes: the real operator in a model of Airflow, with the sandbox as the oracle.

``world.py`` is the model, ``actors.py`` the processes in it and their time, ``points.py`` where they can be
struck, ``schedules.py`` what strikes and when, ``oracle.py`` what must hold afterwards.
"""
