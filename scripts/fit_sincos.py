"""Print the polynomial coefficients of `time_features.py` (sine and cosine on |a| <= pi/4).

Weighted least squares on Chebyshev nodes, the coefficients rounded one after another to
float32, the rest fitted again. Needs numpy only.
"""

from __future__ import annotations

import numpy as np
from rounded_fit import fit

nodes = np.cos((np.arange(2000) + 0.5) * np.pi / 2000) * (np.pi / 4)
nodes = nodes[nodes > 1e-3]
square = nodes**2
chebyshev = (1 - (nodes / nodes.max()) ** 2 + 1e-3) ** -0.25
sine = fit(
    np.stack([square**k for k in (1, 2, 3)], axis=1),
    np.sin(nodes) / nodes - 1,
    chebyshev,
)
cosine = fit(
    np.stack([square**k for k in (2, 3, 4)], axis=1),
    np.cos(nodes) - 1 + square / 2,
    chebyshev,
)
for name, values in (("SIN", sine), ("COS", cosine)):
    print(name, [value.hex() for value in values])
