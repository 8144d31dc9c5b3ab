"""`rnnedge import`: a file of another program to artifacts, or one clear line."""

from __future__ import annotations

import onnx
from click.testing import CliRunner
from support.onnx_examples import EXAMPLES, of_one_operator

from rnnedge.cli import main


def test_chain_is_proved_and_written(tmp_path):
    path = tmp_path / "net.onnx"
    EXAMPLES["gru_hidden"](path)
    run = CliRunner().invoke(
        main, ["import", str(path), "--out", str(tmp_path / "dist")]
    )
    assert run.exit_code == 0, run.output
    assert "from ONNX Runtime in 1,000 steps of 1,000" in run.output
    assert (tmp_path / "dist" / "net.rnne").is_file()


def test_what_cannot_stream_is_one_line(tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(of_one_operator("GRU", 14, gates=3, direction="reverse"), path)
    run = CliRunner().invoke(main, ["import", str(path)])
    assert run.exit_code == 2
    assert "GRU 'cell' is reverse" in run.output
