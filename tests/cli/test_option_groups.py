"""The headings of `rnnedge train --help`."""

from __future__ import annotations

import click
from click.testing import CliRunner

from rnnedge.cli import main
from rnnedge.cli.train import TrainCommand, command


def test_every_option_of_train_is_under_one_heading() -> None:
    named = [name for names in TrainCommand.groups.values() for name in names]
    assert len(named) == len(set(named))
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert set(named) <= {option.name for option in options}
    help_text = CliRunner().invoke(main, ["train", "--help"]).output
    words = help_text.split()
    for option in options:
        assert words.count(option.opts[0]) >= 1, option.name
    lines = help_text.splitlines()
    assert [line for line in lines if line.endswith(":") and line[0] != " "] == [
        f"{title}:" for title in TrainCommand.groups
    ]
