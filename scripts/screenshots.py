"""Fills a store with users of a shop, serves it, and takes pictures of its pages: ASOF CHROMIUM DIRECTORY."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import sync_playwright

asof, chromium, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
NOW = datetime.now(UTC).replace(microsecond=0)
USERS = range(1001, 1201)

DEFINITIONS = """
[[entity]]
name = "user"
description = "A customer"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "user_activity_v1"
entities = ["user"]
ttl = "7d"
team = "growth"
owner = "growth@example.org"
status = "production"
description = "What users do on the site, from the click stream"
freshness = { warn = "1h", stale = "6h", stale_share_max = 0.05 }
feature = [
    { name = "clicks_7d", type = "int64", description = "Clicks of the last seven days" },
    { name = "mean_session", type = "float32", description = "Mean length of a session, minutes" },
    { name = "segment", type = "string", default = "unknown", description = "Marketing's segment" },
]

[[feature_view]]
name = "user_profile_v1"
entities = ["user"]
created_timestamp = "known_at"
team = "crm"
owner = "crm@example.org"
status = "deprecated"
replaced_by = "user_activity_v1"
drop_after = "2031-06-30"
tags = { pii = "true" }
description = "Master data, a file a night"
freshness = { stale = "1d" }
feature = [{ name = "birth_year", type = "int32" }, { name = "city", type = "string" }]

[[event_view]]
name = "purchases_v1"
entities = ["user"]
event_id = ["order_id"]
team = "payments"
description = "Orders that were paid"
columns = [{ name = "order_id", type = "int64" }, { name = "amount", type = "float64" }]

[[window_view]]
name = "user_spending_v1"
from = "purchases_v1"
windows = ["24h", "30d"]
team = "payments"
status = "experimental"
description = "What users have paid"
feature = [{ name = "orders", aggregate = "count" }, { name = "spent", aggregate = "sum", of = "amount" }]

[[derived_view]]
name = "user_ratio_v1"
team = "payments"
description = "Worth of a click"
feature = [
    { name = "per_click", type = "float64", expression = "user_spending_v1:spent_30d / user_activity_v1:clicks_7d" },
]

[[feature_service]]
name = "ranker_v3"
owner = "models@example.org"
description = "The ranking of the front page"
features = ["user_activity_v1:*", "user_spending_v1:spent_30d"]
"""


def ago(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).isoformat()


def activity() -> list[dict]:
    row = lambda user, number, hours: {
        "user_id": user,
        "event_timestamp": ago(hours),
        "clicks_7d": (user * 7 + number * 13) % 90 + 1,
        "mean_session": user % 7 + number / 4,
        "segment": None if user % 11 == 0 else ["new", "loyal", "lapsed"][user % 3],
    }
    return [row(user, number, hours) for user in USERS for number, hours in enumerate([60, 40, 20, 0.4 + user % 3])]


def profile() -> list[dict]:
    """The second version of each came a day late."""
    cities = ["Lyon", "Ghent", "Porto", "Graz"]
    row = lambda user, hours, known, city: {
        "user_id": user,
        "event_timestamp": ago(hours),
        "known_at": ago(known),
        "birth_year": 1950 + user % 50,
        "city": cities[city % 4],
    }
    versions = [(80, 79, 0), (54, 28, 1), (50, 49, 2)]
    return [row(user, hours, known, user + step) for user in USERS for hours, known, step in versions]


def purchases() -> list[dict]:
    orders = [(user, hours + user % 9) for user in USERS for hours in (2, 30, 70)]
    return [
        {"user_id": user, "event_timestamp": ago(hours), "order_id": number, "amount": (user * 3 + hours) % 70 + 0.5}
        for number, (user, hours) in enumerate(orders)
    ]


def run(*arguments: str) -> None:
    subprocess.run([asof, *arguments], check=True, stdout=subprocess.DEVNULL)


def fill(store: str, directory: Path) -> None:
    (directory / "definitions.toml").write_text(DEFINITIONS)
    run("--store", store, "apply", str(directory / "definitions.toml"))
    for view, rows in (("user_activity_v1", activity()), ("user_profile_v1", profile()), ("purchases_v1", purchases())):
        file = directory / f"{view}.ndjson"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        run("--store", store, "ingest", view, str(file))
    run("--store", store, "profile", "user_activity_v1")


def read_as_consumers(address: str) -> None:
    for user in range(1001, 1100):
        entity = {"user_id": user + 500 if user % 9 == 0 else user}
        asked = {"features": ["ranker_v3"] if user % 3 else ["user_activity_v1"], "entities": [entity]}
        headers = {"X-Asof-Consumer": "ranker" if user % 3 else "mailer"}
        request = urllib.request.Request(f"{address}/v1/latest", json.dumps(asked).encode(), headers)
        urllib.request.urlopen(request).read()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address: str) -> None:
    for _ in range(300):
        try:
            return urllib.request.urlopen(f"{address}/readyz").close()
        except OSError:
            time.sleep(0.1)
    sys.exit("the sidecar did not begin to serve")


def take_pictures(address: str) -> None:
    explored = f"/explore?by=user_id&key.user_id=1040&at={NOW:%Y-%m-%dT%H:%M:%SZ}&then={ago(44)[:19]}Z"
    wide = {"width": 1200, "height": 720}
    pictures = [
        ("catalog", "/?q=spent", wide, "light", False),
        ("explorer", explored, wide, "light", True),
        ("values", "/views/user_activity_v1#values-clicks_7d", {"width": 1100, "height": 700}, "light", False),
        ("answers", "/answers", {"width": 1100, "height": 480}, "dark", False),
    ]
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for name, path, size, scheme, whole in pictures:
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.goto(address + path, wait_until="networkidle")
            if name == "values":
                page.locator("#the-values").evaluate("(head) => head.scrollIntoView()")
            page.screenshot(path=out / f"page-{name}.png", full_page=whole)
            paints = page.evaluate("performance.getEntriesByType('paint').map((paint) => paint.startTime)")
            print(f"page-{name}.png: first paint after {max(paints, default=0):.0f} ms")
        browser.close()


with tempfile.TemporaryDirectory() as made:
    directory = Path(made)
    store, address = str(directory / "store"), f"127.0.0.1:{free_port()}"
    fill(store, directory)
    serve = [asof, "serve", "--store", store, "--socket", str(directory / "socket"), "--http", address]
    sidecar = subprocess.Popen(serve, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://{address}")
        read_as_consumers(f"http://{address}")
        take_pictures(f"http://{address}")
    finally:
        sidecar.terminate()
        sidecar.wait()
