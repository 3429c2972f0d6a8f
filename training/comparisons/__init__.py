"""Versions compared by a job: what was registered of them, and how they play Connect Four."""
