"""A backend of Annif, which indexes documents with the subjects of a vocabulary: `backend=fewfire`
in its projects. Needs Annif 1.4 or newer: `pip install 'fewfire[annif]'`.

Annif knows its backends by a table of its own; importing this module adds one to it. The command
`annif` imports it where it looks for its settings:

    export ANNIF_CONFIG=fewfire.annif.Config
    annif train my-fewfire corpus.tsv
"""

try:
    from annif import backend as registry
    from annif import default_config
except ImportError as error:
    raise ImportError("this is a backend of Annif: pip install 'fewfire[annif]'") from error

from .backend import FewfireBackend

__all__ = ["Config", "FewfireBackend", "ProductionConfig"]


class Config(default_config.Config):
    """Annif's settings for its command line."""


class ProductionConfig(default_config.ProductionConfig):
    """Annif's settings for a server, which loads all projects when it starts."""


registry._backend_fns[FewfireBackend.name] = lambda: FewfireBackend
