"""asofdb as Feast's online store and offline store, on the definitions, materialization and clients that Feast has.

.. code-block:: yaml

    online_store: {type: asofdb.feast.AsofOnlineStore, socket: /run/asofdb/asof.sock}
    offline_store: {type: asofdb.feast.AsofOfflineStore, socket: /run/asofdb/asof.sock}

``path: data/asof`` in place of ``socket`` opens the store in this process, which one process at a time can.
"""

from .bulk import load
from .computed_source import ComputedSource
from .connect import close_all
from .fast import fast_online_features
from .offline_store import AsofOfflineStore, AsofOfflineStoreConfig
from .online_store import AsofOnlineStore, AsofOnlineStoreConfig
from .source import AsofSource

__all__ = [
    "AsofOfflineStore",
    "AsofOfflineStoreConfig",
    "AsofOnlineStore",
    "AsofOnlineStoreConfig",
    "AsofSource",
    "ComputedSource",
    "close_all",
    "fast_online_features",
    "load",
]
