"""The tasks by name; a module is imported when its task is asked for."""

from __future__ import annotations

import importlib

from rnnedge.tasks.task import Task

FORECAST = "forecast"
TASKS = {FORECAST: "rnnedge.tasks.forecast.task"}
"""Module of every task; its `TASK` is the task."""


def find_task(name: str = FORECAST) -> Task:
    """The task of a name."""
    task: Task = importlib.import_module(TASKS[name]).TASK
    return task
