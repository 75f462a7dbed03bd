"""What ties a send to an Airflow task: which send it is, where its journal is, and how the task fails."""
