"""Training and prediction on the workers of Dask. Needs dask and distributed:
`pip install 'fewfire[dask]'`.

Trees of a tagger, and parts of a tree, are tasks; what comes of them has the bits of a training on
one thread. docs/distributed.md says how.
"""

from .fitting import fit
from .predicting import predict_topk

__all__ = ["fit", "predict_topk"]
