"""The package as it is imported."""

import importlib.metadata
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import asofdb


def test_importing_it_needs_neither_pandas_nor_pyarrow_nor_polars(tmp_path: Path) -> None:
    code = """
import sys
for name in ("pandas", "pyarrow", "polars"):
    sys.modules[name] = None  # importing it fails
import asofdb, tempfile
from datetime import datetime, timezone
with asofdb.Store.open(tempfile.mkdtemp() + "/store") as store:
    store.apply([
        asofdb.Entity("user", {"user_id": "int64"}),
        asofdb.FeatureView("activity", ["user"], [asofdb.Feature("clicks", "int64")]),
    ])
    store.write("activity", {"user_id": [1], "clicks": [7], "event_timestamp": [datetime.now(timezone.utc)]})
    result = store.latest("activity:clicks", {"user_id": [1, 2]})
    print(result.to_dict(), result.to_numpy().tolist())
    try:
        result.to_pandas()
    except ImportError as error:
        print(error)
"""
    # Not from the directory of the sources, which would be imported instead of what is installed.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "{'user_id': [1, 2], 'clicks': [7, None]} [[7.0], [nan]]",
        "to_pandas() needs pandas: pip install pandas",
    ]


def test_its_version_is_that_of_its_metadata() -> None:
    assert asofdb.__version__ == importlib.metadata.version("asofdb")


def test_it_says_that_it_has_types() -> None:
    assert (Path(asofdb.__file__).parent / "py.typed").exists()


def test_everything_it_exports_is_there_and_documented() -> None:
    for name in asofdb.__all__:
        thing = getattr(asofdb, name)
        assert isinstance(thing, str) or (thing.__doc__ or "").strip(), name


@pytest.mark.parametrize(
    "kind",
    ["NotFound", "Invalid", "Conflict", "Unavailable", "Corrupt", "Closed", "Internal"],
)
def test_each_kind_of_error_is_an_exception_that_pickles(kind: str) -> None:
    error = getattr(asofdb, f"{kind}Error")("a message")
    assert isinstance(error, asofdb.Error)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == "a message"


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(asofdb.InvalidError, ValueError)
    assert issubclass(asofdb.NotFoundError, LookupError)
