"""Notifiers: alerts by SMS about tasks, Dags, deadlines and approvals."""
