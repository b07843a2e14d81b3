# %% [markdown]
# # Will the flight be late? A feature store from the first file to a served prediction
#
# 336,776 flights left New York in 2013. This script builds what it takes to predict how late they arrive: features with
# a history, a training set without leakage, a small model, and predictions from a sidecar that read the very same
# features. Then late data arrives, and yesterday's training set can still be made again, bit for bit.
#
# Run it as a script, or cell by cell in an editor that knows `# %%`:
#
#     pip install ./python pyarrow pandas scikit-learn matplotlib
#     python examples/flights.py --asof PATH_OF_THE_BINARY --out flights-out
#
# Everything that it claims it also asserts. The guide to each call is docs/python.md.

# %% Imports and arguments
import argparse
import atexit
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from datetime import timedelta
from pathlib import Path

# The model is small. One thread fits it faster than two that wait for each other on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error, r2_score

from asofdb import Client, FeatureService, Status, Store

parser = argparse.ArgumentParser(description="From flights to served predictions of their delay.")
parser.add_argument("--out", type=Path, default=Path("flights-out"), help="a directory that is empty or not there yet")
parser.add_argument("--asof", default=os.environ.get("ASOF_BINARY") or shutil.which("asof"), help="the binary `asof`")
# A notebook has arguments of its own.
arguments, _ = parser.parse_known_args()

if arguments.asof is None:
    parser.error("no binary `asof`: build it (cargo build --bin asof), then give --asof PATH or set ASOF_BINARY")
if arguments.out.exists() and any(arguments.out.iterdir()):
    parser.error(f"{arguments.out} is not empty: remove it, or choose another directory with --out")
arguments.out.mkdir(parents=True, exist_ok=True)

# Some notebooks do not say which file they run: they are run in the checkout.
DATA = Path(globals().get("__file__", "examples/flights.py")).parent / "flights"
STARTED = time.monotonic()


def title(text):
    print(f"\n== {text} [{time.monotonic() - STARTED:.0f} s]")


# %% [markdown]
# ## Define
#
# Entities are what features describe; a feature view is a group of features that arrive together; a feature service is
# the list of features that one model reads, in the order of its inputs. The file has all three, with comments: read it.
#
# Definitions are objects, too. The service of the file has a text among its features; ours are all numbers, so we take
# the definitions that the store has, add a service to them, and apply the whole again. `apply` compares and does only
# what is new.

# %%
title("Define")
store = Store.open(arguments.out / "store")
print(store.apply(DATA / "definitions.toml"))

SERVICE = "arrival_delay_v1"
definitions = store.catalog().definitions()
definitions.feature_services.append(
    FeatureService(
        SERVICE,
        [
            "airport_weather_v1:temp",
            "airport_weather_v1:humid",
            "airport_weather_v1:wind_speed",
            "airport_weather_v1:wind_gust",
            "airport_weather_v1:precip",
            "airport_weather_v1:pressure",
            "airport_weather_v1:visib",
            "route_daily_v1:flights",
            "route_daily_v1:mean_dep_delay",
            "route_daily_v1:mean_arr_delay",
            "route_daily_v1:lost_flights",
            "route_daily_v1:any_over_1h",
            "plane_v1:seats",
            "plane_v1:year_built",
        ],
        description="Inputs of the model of examples/flights.py",
    )
)
plan = store.apply(definitions)
print(plan)
assert [(change.kind, change.name) for change in plan] == [("create", SERVICE)]

# %% [markdown]
# ## Ingest
#
# Whole files, of any size, each whole or not at all. A file is known by its content: to load it twice does nothing.

# %%
title("Ingest")
for view, file, rows in [
    ("airport_weather_v1", "weather.parquet", 26_115),
    ("route_daily_v1", "routes.parquet", 63_815),
    ("plane_v1", "planes.parquet", 3_322),
]:
    report = store.ingest(view, DATA / file)
    print(f"{view}: {report.rows_written:,} rows in {report.seconds:.2f} s")
    assert report.rows_written == rows

# %% [markdown]
# ## Look
#
# `latest` is what is true now. The weather of 2013 is long past its ttl of two hours, and the store says so: *expired*
# is not the same as *missing*. Planes have no ttl.
#
# `as_of` is what was true at a time. Flight AA 936 to St. Thomas shows all four statuses: the temperature is there;
# there were no gusts; the route was last flown too long ago; nobody registered the plane.

# %%
title("Look")
now = store.latest(["airport_weather_v1:temp", "plane_v1:seats"], {"airport": "JFK", "tailnum": "N14228"})
print(now.to_pandas(statuses=True).to_string(index=False))
assert now.statuses().tolist() == [[Status.EXPIRED, Status.PRESENT]]

then = store.as_of(
    ["airport_weather_v1:temp", "airport_weather_v1:wind_gust", "route_daily_v1:flights", "plane_v1:seats"],
    {"airport": "JFK", "origin": "JFK", "dest": "STT", "tailnum": "N5FAAA"},
    at="2013-10-05T12:00:00Z",
)
for reference, status in zip(then.references, then.statuses()[0], strict=True):
    print(f"  {reference:30} {Status(status).name.lower()}")
assert then.statuses().tolist() == [[Status.PRESENT, Status.NULL, Status.EXPIRED, Status.MISSING]]

for version in store.history("airport_weather_v1", {"airport": "JFK"}, limit=2):
    print(f"  JFK at {version.event_timestamp}: {version.values['temp']:.2f} °F")

# %% [markdown]
# ## Build the training set
#
# The spine is the list of questions: entities and times, with the labels that we know by now. Each flight gets its
# features as of its own scheduled departure, and of nothing later. That is a point-in-time join, and it is the same
# lookup as `as_of`, 336,776 times.
#
# The spine is a file here; a data frame or any Arrow stream works, too.

# %%
title("Build the training set")
joined = store.training_set(DATA / "flights.parquet", SERVICE, statuses=True)
flights = joined.to_pandas()
counts = pd.DataFrame({name.split(":")[1]: vars(count) for name, count in joined.report.features.items()}).T
print(counts.to_string())

expected = json.loads((DATA / "expected.json").read_text())
assert len(flights) == expected["rows"] == 336_776
for name, known in expected["features"].items():
    if name in counts.index:
        assert counts.loc[name, "present"] == known["non_null"] == flights[name].notna().sum(), name

# %% [markdown]
# What the model reads: the service's features, in the service's order, and two things that the request itself knows:
# the hour of the schedule in New York and the distance. (The delay of the departure would predict the arrival well. It
# is not known when we are asked, so it is not an input.)

# %%
FEATURES = store.prepare(SERVICE).names


def hour_in_new_york(times):
    local = times.dt.tz_convert("America/New_York")
    return local.dt.hour + local.dt.minute / 60


def inputs(rows):
    """The matrix of the model: what the store knows, then what the request knows."""
    known = rows[FEATURES].astype("float32").to_numpy()
    asked = np.column_stack([hour_in_new_york(rows["event_timestamp"]), rows["distance"]]).astype("float32")
    return np.hstack([known, asked])


# %% [markdown]
# ## The same, with a leak
#
# Routes have a row a day: the mean delay of the day's flights, dated by the midnight at which it was known. A join by
# date, which is what one writes in a hurry, gives each flight the mean of *its own* day: flights of the evening, and
# the flight itself. We make that mistake on purpose, by asking as of the end of the day instead of the departure.

# %%
title("Make the mistake on purpose")
spine = pd.read_parquet(DATA / "flights.parquet", columns=["flight_id", "event_timestamp", "origin", "dest"])
spine["end_of_day"] = spine["event_timestamp"].dt.floor("D") + pd.Timedelta(days=1)
of_route = [reference for reference in store.prepare(SERVICE).features if reference.startswith("route_daily_v1:")]
leak = store.training_set(spine, of_route, event_timestamp="end_of_day").to_pandas()
assert (leak["flight_id"] == flights["flight_id"]).all()

leaky = flights.copy()
for name in (reference.split(":")[1] for reference in of_route):
    leaky[name] = leak[name]
arrived = flights["arr_delay"].notna()
for text, rows in [("as of the departure", flights), ("as of the end of the day", leaky)]:
    together = rows.loc[arrived, "mean_arr_delay"].astype(float).corr(rows.loc[arrived, "arr_delay"].astype(float))
    print(f"correlation of the delay with its route's mean delay, {text}: {together:.2f}")

# %% [markdown]
# ## Train
#
# The split is by time, as production has it: learn from January to September, predict October to December. The trivial
# baselines are the mean and the median delay of the months before. R² is the share of the variance that is explained:
# nought is as good as the mean, and less than nought is worse.

# %%
title("Train")
BEGIN_OF_TEST = pd.Timestamp("2013-10-01", tz="UTC")
train = arrived & (flights["event_timestamp"] < BEGIN_OF_TEST)
test = arrived & (flights["event_timestamp"] >= BEGIN_OF_TEST)
delay = flights["arr_delay"].astype("float64")


def fitted(matrix):
    model = HistGradientBoostingRegressor(
        max_iter=60, learning_rate=0.15, max_leaf_nodes=15, min_samples_leaf=200, early_stopping=False, random_state=0
    )
    return model.fit(matrix[train], delay[train])


honest_inputs, leaky_inputs = inputs(flights), inputs(leaky)
honest_model, leaky_model = fitted(honest_inputs), fitted(leaky_inputs)

predictions = {
    "mean of the past": np.full(test.sum(), delay[train].mean()),
    "median of the past": np.full(test.sum(), delay[train].median()),
    "no leak": honest_model.predict(honest_inputs[test]),
    "leak, in the notebook": leaky_model.predict(leaky_inputs[test]),
    # In production the day is not over: the leaky model gets what there is, which is what the honest one gets.
    "leak, in production": leaky_model.predict(honest_inputs[test]),
}
r2 = {name: r2_score(delay[test], predicted) for name, predicted in predictions.items()}
error = {name: mean_absolute_error(delay[test], predicted) for name, predicted in predictions.items()}
print(f"{train.sum():,} flights to learn from, {test.sum():,} to predict")
for name in predictions:
    print(f"  {name:22} R² {r2[name]:6.3f}   mean absolute error {error[name]:5.1f} minutes")
assert (train.sum(), test.sum()) == (244_646, 82_700)
assert r2["no leak"] > r2["mean of the past"] + 0.1
assert r2["leak, in the notebook"] > r2["no leak"] + 0.2
assert r2["leak, in production"] < r2["mean of the past"]

# %% [markdown]
# Honest words: this model explains an eighth of the variance. It is two and a half minutes better than the mean of the
# past, and in absolute minutes no better than the median (it was fitted for squares: it is good at the bad days). Most
# of what delays a flight is not in these features. The leaky model looks three times as good, and in production it is
# worse than the mean of the past: it learned to trust a number that will not be there.
#
# ## Serve
#
# A store is open in one process. For all others there is the sidecar, `asof serve`, and `Client`, which has the methods
# of `Store`. In production it runs as a service; here it is a child of this script.

# %%
title("Serve")
store.close()
directory = tempfile.TemporaryDirectory(prefix="asof-")
socket = Path(directory.name) / "socket"
command = [arguments.asof, "serve", "--store", arguments.out / "store", "--socket", socket]
with open(arguments.out / "serve.log", "w") as log:
    server = subprocess.Popen(command, stderr=log)
atexit.register(server.kill)


client = Client(socket, consumer="flights.py", wait=20)  # as soon as the sidecar listens
request = client.prepare(SERVICE)
print(f"{client}: {len(request.features)} features by {', '.join(request.join_keys)}")

# %% [markdown]
# First: would the sidecar have served what the model was trained on? We ask it for 1,000 flights of the test months,
# one by one, as of their departures, in the service's order, straight into a matrix. Every bit is the same.

# %%
sample = flights[test].sample(1_000, random_state=0)
served = np.vstack(
    [
        request.as_of_numpy({key: getattr(row, key) for key in request.join_keys}, at=row.event_timestamp)
        for row in sample.itertuples()
    ]
)
trained = sample[FEATURES].astype("float32").to_numpy()
assert served.tobytes() == trained.tobytes()
print(f"{len(sample):,} vectors of {served.shape[1]} features from the sidecar are those of the training set")

# %% [markdown]
# Then a flight of today. Somebody reports today's weather and yesterday's delays (one atomic step for both views); the
# next read has them. A service in front of this would hold `request` and do two lines a flight: read, predict.

# %%
moment = client.now()
midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
client.write_all(
    {
        "airport_weather_v1": {
            "airport": ["JFK"],
            "event_timestamp": [moment - timedelta(minutes=10)],
            "temp": [41.0],
            "dewp": [39.25],
            "humid": [93.5],
            "wind_dir": [70],
            "wind_speed": [27.625],
            "wind_gust": [39.125],
            "precip": [0.25],
            "pressure": [1001.5],
            "visib": [2.0],
        },
        "route_daily_v1": [
            {
                "origin": "JFK",
                "dest": "SFO",
                "event_timestamp": midnight,
                "flights": 21,
                "mean_dep_delay": 28.5,
                "mean_arr_delay": 19.25,
                "lost_flights": 1,
                "any_over_1h": True,
            }
        ],
    }
)
flight = {"airport": "JFK", "origin": "JFK", "dest": "SFO", "tailnum": "N14228"}
vector = request.latest_numpy(flight)
asked_at = client.now()
minutes = honest_model.predict(np.hstack([vector, [[17.5, 2586.0]]]))[0]
print(f"{flight['tailnum']} to {flight['dest']}, scheduled at 17:30: {minutes:.0f} minutes late, says the model")
assert not np.isnan(vector).any()

# %% [markdown]
# And when that flight is in a training set one day, as of the moment of the prediction, it has the vector that the
# model saw: there is no second pipeline that could disagree.

# %%
row = client.training_set([{**flight, "event_timestamp": asked_at}], SERVICE).to_pandas()
assert row[FEATURES].astype("float32").to_numpy().tobytes() == vector.tobytes()
print("the row that it will be trained on one day is the vector that was served")

# %% [markdown]
# ## Late data
#
# Every version has two times: when it was true (event) and when it became known (created). Suppose that the anemometer
# at JFK turns out to have shown a third too little for a week in March 2013. The corrections have the old event
# timestamps and are created now. Nothing is overwritten.
#
# First we write down what is known today, which is all that it takes to come back to it.

# %%
title("Late data")
yesterday = client.now()
DAYS = ("2013-03-04T00:00:00Z", "2013-03-11T00:00:00Z")


def training_set(name, known_at=None):
    """A training set as a file, through the sidecar, and the hash of its bytes."""
    out = arguments.out / name
    report = client.training_set(DATA / "flights.parquet", SERVICE, known_at=known_at, out=out)
    assert report.rows == 336_776
    return pd.read_parquet(out), hashlib.sha256(out.read_bytes()).hexdigest()


before, hash_before = training_set("training-yesterday.parquet")

weather = pd.read_parquet(DATA / "weather.parquet")
begin, end = map(pd.Timestamp, DAYS)
is_wrong = (weather["airport"] == "JFK") & weather["event_timestamp"].between(begin, end, inclusive="left")
corrected = weather[is_wrong].drop(columns="known_at")  # the corrections become known when they are written
for name in ("wind_speed", "wind_gust"):
    corrected[name] = corrected[name] * np.float32(1.5)
written_at = client.write("airport_weather_v1", corrected)
print(f"{len(corrected)} corrections, created {written_at}")

# %%
again, hash_again = training_set("training-yesterday-again.parquet", known_at=yesterday)
after, hash_after = training_set("training-today.parquet")
print(f"  yesterday                {hash_before[:16]}")
print(f"  today, as known by then  {hash_again[:16]}")
print(f"  today                    {hash_after[:16]}")
assert hash_again == hash_before
assert hash_after != hash_before

differs = (before != after) & ~(before.isna() & after.isna())
changed = before[differs.any(axis=1)]
print(f"{len(changed):,} flights see the correction, in {', '.join(differs.columns[differs.any()])}")
assert set(differs.columns[differs.any()]) == {"wind_speed", "wind_gust"}
assert set(changed["airport"]) == {"JFK"}
assert len(changed) == 2_173

at = pd.Timestamp("2013-03-06T12:00:00Z")
wind = ["airport_weather_v1:wind_speed"]
for text, result in [
    ("as known now", client.as_of(wind, {"airport": "JFK"}, at=at)),
    ("as known yesterday", client.as_of(wind, {"airport": "JFK"}, at=at, known_at=yesterday)),
]:
    print(f"  wind at JFK on March 6, {text}: {result.to_numpy()[0, 0]:.1f} mph")

# %% [markdown]
# A read without `known_at` sees the best knowledge of today, which is what you want to train the next model. With it,
# the last model can be explained: the data it was trained on is still there, to the bit.
#
# ## The plot

# %%
title("Plot")
BLUE, RED, GREY = "#2f6db5", "#c8553d", "#8a8f98"
plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.titleweight": "bold"})
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), width_ratios=[1, 1.15], layout="constrained")

shown = {"no leak": BLUE, "leak, in the notebook": "#eab5a8", "leak, in production": RED}
bars = left.bar([name.replace(", ", ",\n") for name in shown], [r2[name] for name in shown], color=shown.values())
left.bar_label(bars, fmt="%.2f", padding=3)
left.axhline(0, color="black", linewidth=0.8)
left.axhline(r2["mean of the past"], color=GREY, linestyle="--", linewidth=1)
left.annotate("the mean of the past", (1.0, r2["mean of the past"]), (0.0, -5), textcoords="offset points", color=GREY)
left.texts[-1].set(ha="center", va="top")
left.set(ylabel="R² on October to December", ylim=(-0.15, 0.5), title="A leak looks like a better model")


def calibration(predicted, groups=20):
    """Flights in groups of equal size by what was predicted: the means of the prediction and of what happened."""
    rows = pd.DataFrame({"predicted": predicted, "happened": delay[test].to_numpy()})
    return rows.groupby(pd.qcut(rows["predicted"], groups, labels=False)).mean()


curves = {name: calibration(predictions[name]) for name in ("no leak", "leak, in production")}
for (name, curve), color in zip(curves.items(), (BLUE, RED), strict=True):
    right.plot(curve["predicted"], curve["happened"], marker="o", markersize=4, color=color, linewidth=2, label=name)
ends = np.array([-25, 95])
right.plot(ends, ends, color=GREY, linestyle="--", linewidth=1, label="as predicted")
right.set(xlim=ends, ylim=(-20, 60), title="It promises delays that do not come")
right.set(xlabel="predicted, minutes", ylabel="what happened, minutes (means of 4,135 flights)")
right.legend(frameon=False, loc="upper left")
figure.savefig(arguments.out / "flights.png", dpi=110)
print(f"{arguments.out / 'flights.png'}")

# %% [markdown]
# ## The end
#
# The sidecar answers what was asked, writes everything to disk and ends. The store stays: open it, or ask `asof`.

# %%
client.close()
server.terminate()
assert server.wait(timeout=30) == 0
atexit.unregister(server.kill)
directory.cleanup()
title("Done: all of it holds")
