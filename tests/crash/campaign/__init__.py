"""
Campaigns under crashes: the real operator runs in the model of Airflow, a few people in a batch.

It has the parts of ``tests/crash``; these are its own: ``schedules.py`` adds to a schedule what a campaign
has; ``world.py`` has its people and exclusions, which change between and during entries; ``strands.py`` lets
several requests be on their way at once, in an order that is the same each time.
"""
