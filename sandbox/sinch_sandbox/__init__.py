"""A stand-in for the Sinch SMS API that runs on your own machine.

It shares no code with any client, airflow-provider-sinch included: each is written from Sinch's public
reference on its own, so that a misunderstanding in one of them becomes visible.
"""

__version__ = "0.1.0"
