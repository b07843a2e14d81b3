//! Clients by the thousand that are silent, slow, lying, greedy or many. Good clients, an operator and probes go on
//! beside them; memory stays within a bound; and everybody is cut off in the stated time.

mod crowd;
mod guest;
mod kind;
mod manner;
mod paused;
mod pests;
mod phase;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use asofdb::{Store, parse_definitions};

pub(crate) use self::crowd::{CHILD as CROWD, run as run_crowd};
use self::kind::{Door, Kind, TimeOuts};
pub(crate) use self::paused::{CHILD as READER, run as run_reader};
pub(super) use self::pests::Pests;
use self::phase::Scene;
use crate::sidecar::Sidecar;
use crate::{Part, Report, Scale, Setting};

/// The part.
pub(crate) const PART: Part = Part {
    name: "hostile",
    about: "clients that are silent, slow, lying, greedy or many, and good ones beside them",
    run,
};

/// The user that hostile clients are, where that can be chosen.
const STRANGER: u32 = 65_532;

/// Users that have rows: reads of a thousand are large.
const USERS: i64 = 1_000;

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]
[[feature_view]]
name = "profile"
entities = ["user"]
feature = [
    { name = "visits", type = "int64" },
    { name = "score", type = "float64" },
    { name = "name", type = "string" },
]
"#;

/// Budgets that are small enough to be used up, in bytes: of the store, and of each door.
const BUDGETS: [(&str, u64); 3] =
    [("--memory-budget", 64 << 20), ("--memory-bytes-max", 64 << 20), ("--http-memory-bytes-max", 64 << 20)];

fn run(setting: &Setting, report: &mut Report) {
    let directory = setting.directory();
    fill(&directory.path().join("store"));
    let times = TimeOuts::of(setting.scale);
    let mut arguments = times.arguments();
    arguments.extend(["--mode", "0666", "--allow-uid"].map(str::to_owned));
    arguments.push(STRANGER.to_string());
    if setting.scale == Scale::Short {
        // So few that they are all taken.
        arguments.extend(["--connections-max", "64", "--http-connections-max", "64"].map(str::to_owned));
    }
    BUDGETS.iter().for_each(|(name, bytes)| arguments.extend([(*name).to_owned(), bytes.to_string()]));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let sidecar = Sidecar::start(setting, directory.path(), &arguments);
    let mut scene = Scene::new(setting, directory.path(), &sidecar, times, report);
    let all = || Door::ALL.into_iter().flat_map(|door| Kind::ALL.map(|kind| (kind, door)));
    if setting.scale == Scale::Long {
        all().for_each(|(kind, door)| scene.play(&[(kind, door)], 3_000));
    }
    let together: Vec<(Kind, Door)> = all().collect();
    scene.play_twice(&together, setting.scaled(40, 250) as usize);
    scene.finish();
    paused::run_paused(setting, &sidecar, times, report);
}

/// Makes the store with its rows.
fn fill(path: &std::path::Path) {
    let store = Store::open(path).expect("a new store");
    store.apply(&parse_definitions(DEFINITIONS, "hostile.toml").expect("definitions"), false).expect("a new catalog");
    store.write("profile", &rows(store.now().as_micros())).expect("good rows");
}

/// A row of each user, as of a time.
fn rows(now_micros: i64) -> RecordBatch {
    let times = TimestampMicrosecondArray::from(vec![now_micros; USERS as usize]).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new((0..USERS).collect::<Int64Array>())),
        ("event_timestamp", Arc::new(times)),
        ("visits", Arc::new((0..USERS).collect::<Int64Array>())),
        ("score", Arc::new((0..USERS).map(|user| Some(user as f64)).collect::<Float64Array>())),
        ("name", Arc::new((0..USERS).map(|user| Some("x".repeat(user as usize % 100))).collect::<StringArray>())),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

/// The time in which a crowd comes again and again.
fn works(setting: &Setting) -> Duration {
    Duration::from_millis(setting.scaled(500, 8_000))
}
