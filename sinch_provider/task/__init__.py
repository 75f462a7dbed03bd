"""What ties a send to an Airflow task: which send it is, and where its journal is kept."""
