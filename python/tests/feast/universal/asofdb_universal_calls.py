"""A pytest plug-in that counts what each test asked of the online store.

A test that returns early passes without a single call: the count is the proof that a pass means something.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from feast import FeatureStore

METHODS = (
    "get_online_features",
    "get_online_features_async",
    "online_read",
    "online_read_async",
    "online_write_batch",
    "online_write_batch_async",
    "update",
    "teardown",
)

_calls: Counter[str] = Counter()
_wrapped: set[type] = set()


@pytest.fixture(autouse=True)
def _count_calls(record_property: Callable[[str, object], None], monkeypatch: pytest.MonkeyPatch) -> Any:
    _calls.clear()
    provider = FeatureStore._get_provider

    def counted(store: FeatureStore) -> Any:
        found = provider(store)
        _wrap(type(found.online_store))
        return found

    monkeypatch.setattr(FeatureStore, "_get_provider", counted)
    yield
    for name, count in sorted(_calls.items()):
        record_property(name, count)


def _wrap(store: type) -> None:
    """Counts the calls of a store's methods, once a class."""
    if store in _wrapped:
        return
    _wrapped.add(store)
    for name in METHODS:
        method = getattr(store, name, None)
        if method is not None:
            setattr(store, name, _counting(name, method))


def _counting(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        _calls[name] += 1
        return method(*args, **kwargs)

    return call
