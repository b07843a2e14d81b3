"""Runs Feast's own universal online-store tests, from a checkout of Feast, against a store of this package.

    python run.py --feast-checkout DIR [--store STORE] [--tests FILE ...] [-- PYTEST ...]

The tests are copied out of the checkout, so that `import feast` finds the installed Feast and not the checkout's.
Prints a table, test by test, with the calls that reached the online store. Exit code: pytest's.

Needs, beside feast and asofdb: pytest pytest-asyncio pytest-env pytest-timeout pytest-xdist assertpy testcontainers
minio python-keycloak cryptography boto3 google-cloud-bigquery google-cloud-storage (Feast's tests import them all).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
STORES = ("asofdb", "asofdb-lenient", "asofdb-sidecar", "redis", "sqlite")
DEFAULT_TESTS = ("tests/integration/online_store/test_universal_online.py",)
# Some universal tests return at once when this is set, and pass without having tested anything.
EARLY_RETURN_VARIABLE = "FEAST_IS_LOCAL_TEST"


def main() -> int:
    """Runs the tests and prints the table."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="universal-tests-") as directory:
        root = Path(directory)
        _copy_tests(Path(options.feast_checkout), root)
        _refuse_feast_inside(Path(options.feast_checkout))
        report = root / "report.xml"
        code = _pytest(root, report, options)
        if report.exists():
            print(_table(report))
        return code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Feast's universal online-store tests against a store of ours.")
    parser.add_argument("--feast-checkout", required=True, help="a checkout of Feast's repository")
    parser.add_argument("--store", default="asofdb", choices=STORES)
    parser.add_argument("--name", default="redis", help="the store that it stands in for, where tests ask for one")
    parser.add_argument("--offline", default="file", choices=["file", "asofdb", "asofdb-sidecar"])
    parser.add_argument("--tests", nargs="*", default=DEFAULT_TESTS, help="test files, relative to sdk/python")
    parser.add_argument("pytest", nargs="*", help="further arguments for pytest, after --")
    return parser.parse_args()


def _copy_tests(checkout: Path, root: Path) -> None:
    source = checkout / "sdk" / "python"
    if not (source / "tests" / "conftest.py").exists():
        sys.exit(f"no tests of Feast in {source}: give the root of a checkout of its repository")
    shutil.copytree(source / "tests", root / "tests")
    shutil.copy(source / "pytest.ini", root)


def _refuse_feast_inside(checkout: Path) -> None:
    spec = find_spec("feast")
    if spec is None or spec.origin is None:
        sys.exit("feast is not installed in this environment: pip install feast")
    if checkout.resolve() in Path(spec.origin).resolve().parents:
        sys.exit("the installed feast is the checkout itself: install a released one")


def _pytest(root: Path, report: Path, options: argparse.Namespace) -> int:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(root), str(HERE), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "FULL_REPO_CONFIGS_MODULE": "asofdb_universal_repos",
        "ASOFDB_UNIVERSAL_STORE": options.store,
        "ASOFDB_UNIVERSAL_NAME": options.name,
        "ASOFDB_UNIVERSAL_OFFLINE": options.offline,
    }
    environment.pop(EARLY_RETURN_VARIABLE, None)
    command = [sys.executable, "-m", "pytest", "--integration", "-p", "asofdb_universal_calls", f"--junitxml={report}"]
    command += ["-W", "ignore::DeprecationWarning", *options.tests, *options.pytest]
    return subprocess.run(command, cwd=root, env=environment, check=False).returncode


def _table(report: Path) -> str:
    """The report as a Markdown table: test, result, calls of the online store."""
    lines = ["| test | result | calls of the online store |", "|---|---|---|"]
    for case in xml.parse(report).getroot().iter("testcase"):
        name = (case.get("name") or "").split("[ParameterSet")[0]
        calls = [f"{p.get('name')} {p.get('value')}" for p in case.iter("property")]
        lines.append(f"| `{name}` | {_result(case)} | {', '.join(calls) or 'none'} |")
    return "\n".join(lines)


def _result(case: xml.Element) -> str:
    for kind in ("failure", "error", "skipped"):
        found = case.find(kind)
        if found is not None:
            message = (found.get("message") or "").splitlines()
            return f"{kind}: {message[0] if message else ''}".replace("|", "\\|")
    return "passed"


if __name__ == "__main__":
    sys.exit(main())
