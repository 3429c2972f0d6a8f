"""To and from an MLflow model registry. MLflow is an extra: requirements-mlflow.txt.

What comes from there is data. No flavour of MLflow is ever loaded here: a file is fetched, bounded
while it comes, and goes through the same door as an upload.
"""
