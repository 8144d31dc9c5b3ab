"""A module of your own, whose state goes in and comes out, as an artifact that streams."""

import sys

import torch

import rnnedge
import rnnedge_runtime


class Net(torch.nn.Module):
    """A GRU with a linear head."""

    def __init__(self):
        super().__init__()
        self.gru = torch.nn.GRU(3, 16, batch_first=True)
        self.head = torch.nn.Linear(16, 1)

    def forward(self, x, h):
        z, h = self.gru(x, h)
        return self.head(z), h


out = sys.argv[1] if len(sys.argv) > 1 else "dist"
example = (torch.zeros(1, 1, 3), torch.zeros(1, 1, 16))
rnnedge.export(Net(), example=example, formats=("rnne",), out=out, name="net")

stream = rnnedge_runtime.load(f"{out}/net.rnne").stream()
for reading in ([0.1, 0.2, 0.3], [0.2, 0.1, 0.0]):
    print(stream.step(reading))
