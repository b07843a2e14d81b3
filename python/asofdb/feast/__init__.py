"""asofdb as Feast's online store, on the definitions, materialization and clients that Feast has.

.. code-block:: yaml

    online_store:
      type: asofdb.feast.AsofOnlineStore
      socket: /run/asofdb/asof.sock   # or `path: data/asof`, for one process
"""

from .connect import close_all
from .fast import fast_online_features
from .online_store import AsofOnlineStore, AsofOnlineStoreConfig

__all__ = ["AsofOnlineStore", "AsofOnlineStoreConfig", "close_all", "fast_online_features"]
