//! Feeds: views that are fed from the files of their source.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use asofdb::{ErrorKind, FeedFiles, FeedRun, Session, Span, Stop, Store, Value, ViewRun, parse_definitions};
use tempfile::TempDir;

use crate::common::{NOW, TestStore, hours_ago};

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "ages"
entities = ["user"]
source = { path = "ages/*.csv", schedule = "every 1h" }
feature = [{ name = "age", type = "int64" }]

[[feature_view]]
name = "scores"
entities = ["user"]
source = { path = "scores.csv" }
feature = [{ name = "score", type = "float64" }]

[[feature_view]]
name = "other"
entities = ["user"]
feature = [{ name = "x", type = "int64" }]
"#;

/// A store whose sources are below `sources`.
struct Fed {
    store: TestStore,
    sources: TempDir,
}

impl Fed {
    fn new() -> Self {
        let store = TestStore::new(&parse_definitions(DEFINITIONS, "d.toml").unwrap());
        let sources = TempDir::new().unwrap();
        fs::create_dir(sources.path().join("ages")).unwrap();
        Fed { store, sources }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.sources.path().join(name)
    }

    /// Writes a file of ages as of one time, hours ago, and makes it old enough that its time of change tells.
    fn ages(&self, name: &str, hours: i64, rows: &[(i64, &str)]) {
        let rows: String = rows.iter().map(|(user, age)| format!("{user},{},{age}\n", hours_ago(hours))).collect();
        self.write(name, &format!("user_id,event_timestamp,age\n{rows}"));
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        age(&self.path(name), 60);
    }

    fn files(&self) -> FeedFiles {
        FeedFiles { root: self.sources.path().to_owned(), ..FeedFiles::default() }
    }

    fn run(&self, views: &[&str]) -> Vec<ViewRun> {
        self.store.store.materialize(views, &self.files(), &mut |_, _| {}).unwrap()
    }

    fn run_ages(&self) -> FeedRun {
        self.run(&["ages"]).remove(0).run
    }
}

/// Sets the time of a file's last change so many seconds back.
fn age(path: &Path, seconds: u64) {
    #[allow(clippy::disallowed_methods, reason = "files have the times of the system's clock")]
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
    fs::File::options().append(true).open(path).unwrap().set_modified(then).unwrap();
}

fn read(store: &Store, user: i64) -> Option<Value> {
    let request = store.prepare(&["ages:age"]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[Some(Value::Int64(user))]).unwrap();
    store.latest(&request, &rows).unwrap().value(0, 0).unwrap()
}

fn counts(run: &FeedRun) -> (u64, u64, u64, u64, Option<&str>) {
    (run.files, run.rows_read, run.rows_written, run.rows_rejected, run.error.as_deref())
}

#[test]
fn a_run_loads_what_is_new_and_nothing_twice() {
    let fed = Fed::new();
    fed.ages("ages/a.csv", 5, &[(1, "30"), (2, "40")]);
    assert_eq!(counts(&fed.run_ages()), (1, 2, 2, 0, None));
    assert_eq!(counts(&fed.run_ages()), (0, 0, 0, 0, None));
    fed.ages("ages/b.csv", 4, &[(1, "31")]);
    assert_eq!(counts(&fed.run_ages()), (1, 1, 1, 0, None));
    assert_eq!(read(&fed.store.store, 1), Some(Value::Int64(31)));
    assert_eq!(read(&fed.store.store, 2), Some(Value::Int64(40)));
}

#[test]
fn a_file_that_was_moved_is_known_by_its_content_and_one_that_has_changed_corrects_what_it_said() {
    let fed = Fed::new();
    fed.ages("ages/a.csv", 5, &[(1, "30")]);
    fed.run_ages();
    fs::rename(fed.path("ages/a.csv"), fed.path("ages/z.csv")).unwrap();
    assert_eq!(counts(&fed.run_ages()), (1, 0, 0, 0, None), "it is read and known again");
    fed.ages("ages/z.csv", 5, &[(1, "33")]);
    age(&fed.path("ages/z.csv"), 30);
    fed.store.clock.set(asofdb::Clock::now(&*fed.store.clock).plus(Span::from_secs(1)));
    assert_eq!(counts(&fed.run_ages()), (1, 1, 1, 0, None));
    assert_eq!(read(&fed.store.store, 1), Some(Value::Int64(33)));
}

#[test]
fn a_file_that_changes_within_the_tick_of_its_time_is_read_again() {
    let fed = Fed::new();
    fed.ages("ages/a.csv", 5, &[(1, "30")]);
    age(&fed.path("ages/a.csv"), 0);
    fed.run_ages();
    assert_eq!(fed.run_ages().files, 1, "its time does not tell yet");
}

#[test]
fn a_view_that_fails_keeps_no_other_from_being_loaded_and_loads_nothing_itself() {
    let fed = Fed::new();
    fed.ages("ages/a.csv", 5, &[(1, "30")]);
    fed.ages("ages/b.csv", 4, &[(2, "old")]);
    fed.write("scores.csv", &format!("user_id,event_timestamp,score\n1,{},0.5\n", hours_ago(3)));
    let [ages, scores] = <[ViewRun; 2]>::try_from(fed.run(&[])).unwrap();
    assert_eq!((ages.view.as_str(), scores.view.as_str()), ("ages", "scores"));
    let error = ages.run.error.as_deref().unwrap();
    assert!(error.contains("b.csv") && error.contains("row 1"), "{error}");
    assert_eq!(read(&fed.store.store, 1), None, "all files of a view or none");
    assert_eq!(counts(&scores.run), (1, 1, 1, 0, None));
    fed.ages("ages/b.csv", 4, &[(2, "44")]);
    assert_eq!(counts(&fed.run_ages()), (2, 2, 2, 0, None), "what failed is loaded once it is right");
}

#[test]
fn bad_rows_are_set_aside_where_there_is_a_directory_for_them() {
    let fed = Fed::new();
    fed.ages("ages/a.csv", 5, &[(1, "30"), (2, "old")]);
    let files = FeedFiles { rejects: Some(fed.path("bad")), ..fed.files() };
    let runs = fed.store.store.materialize(&["ages"], &files, &mut |_, _| {}).unwrap();
    assert_eq!(counts(&runs[0].run), (1, 2, 1, 1, None));
    let [rejects] = <[_; 1]>::try_from(fs::read_dir(fed.path("bad")).unwrap().collect::<Vec<_>>()).unwrap();
    let rejects = rejects.unwrap();
    assert!(rejects.file_name().to_string_lossy().starts_with("ages-2024-06-01T"), "{rejects:?}");
    assert!(fs::read_to_string(rejects.path()).unwrap().contains("\"user_id\":"));
}

#[test]
fn what_came_of_the_last_runs_is_kept_and_a_feed_is_late_or_failing_until_a_run_succeeds() {
    let fed = Fed::new();
    let feed = |fed: &Fed| fed.store.store.feeds(&["ages"]).unwrap().remove(0);
    assert_eq!((feed(&fed).status(), feed(&fed).runs.len()), ("never_ran", 0));
    fed.ages("ages/a.csv", 5, &[(1, "30")]);
    fed.run_ages();
    assert_eq!((feed(&fed).status(), feed(&fed).succeeded), ("ok", Some(hours_ago(0))));
    let later = |hours: i64| fed.store.clock.set(NOW.plus(Span::from_secs(hours * 3_600)));
    later(2);
    assert_eq!(feed(&fed).status(), "ok", "twice the time of its schedule");
    later(3);
    assert_eq!(feed(&fed).status(), "late");
    fed.ages("ages/b.csv", 4, &[(2, "old")]);
    fed.run_ages();
    assert_eq!((feed(&fed).status(), feed(&fed).failures), ("failing", 1));
    fs::remove_file(fed.path("ages/b.csv")).unwrap();
    fed.run_ages();
    let now = feed(&fed);
    assert_eq!((now.status(), now.failures, now.runs.len()), ("ok", 0, 3));
    let TestStore { store, clock, directory } = fed.store;
    drop(store);
    let path = directory.path().join("store");
    let store = Store::open_with(path, asofdb::Options::default(), clock, asofdb::Durability::Os).unwrap();
    assert_eq!(store.feeds(&["ages"]).unwrap(), [now], "also over a restart");
}

#[test]
fn a_run_waits_for_another_of_the_same_view_and_is_no_failure() {
    let fed = Fed::new();
    fed.ages("ages/a.csv", 3, &[(1, "40")]);
    let (told, done) = mpsc::channel();
    let mut second = None;
    let run = |store: &Store, files: &FeedFiles| store.materialize(&["ages"], files, &mut |_, _| {}).unwrap();
    let first = fed.store.store.materialize(&["ages"], &fed.files(), &mut |_, _| {
        second.get_or_insert_with(|| {
            let (store, files, told) = (fed.store.store.clone(), fed.files(), told.clone());
            let second = thread::spawn(move || {
                let runs = run(&store, &files);
                // Nobody listens any more once the first has ended.
                let _ = told.send(());
                runs
            });
            assert!(done.recv_timeout(Duration::from_millis(300)).is_err(), "it waits");
            second
        });
    });
    assert_eq!(counts(&first.unwrap()[0].run), (1, 1, 1, 0, None));
    assert_eq!(counts(&second.unwrap().join().unwrap()[0].run), (0, 0, 0, 0, None));
    assert_eq!(fed.store.store.feeds(&["ages"]).unwrap()[0].failures, 0);
}

#[test]
fn a_source_without_files_has_failed() {
    let fed = Fed::new();
    let error = fed.run_ages().error.unwrap();
    assert_eq!(error, "no file matches the path of the source: \"ages/*.csv\"");
}

#[test]
fn views_without_a_source_are_refused_by_name() {
    let fed = Fed::new();
    let failed = |views: &[&str]| fed.store.store.materialize(views, &fed.files(), &mut |_, _| {}).unwrap_err();
    assert_eq!(failed(&["other"]).to_string(), "view \"other\" has no source; say `source` in its definition");
    assert_eq!(failed(&["agse"]).kind(), ErrorKind::NotFound);
    assert_eq!(fed.store.store.feeds(&["other"]).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn confined_sources_stay_below_their_directory() {
    let fed = Fed::new();
    let outside = TempDir::new().unwrap();
    let text = format!("user_id,event_timestamp,age\n1,{},30\n", hours_ago(3));
    fs::write(outside.path().join("a.csv"), text).unwrap();
    let run = |path: &str| {
        let definitions = DEFINITIONS.replace("ages/*.csv", path);
        fed.store.store.apply(&parse_definitions(&definitions, "d.toml").unwrap(), false).unwrap();
        let files = FeedFiles { is_confined: true, ..fed.files() };
        fed.store.store.materialize(&["ages"], &files, &mut |_, _| {}).unwrap().remove(0).run.error.unwrap_or_default()
    };
    let rule = "sources lie below the directory of sources: give a relative path without \"..\"";
    for path in [outside.path().join("a.csv").to_str().unwrap(), "../a.csv", "ages/../../*/a.csv"] {
        assert!(run(path).starts_with(rule), "{path}: {}", run(path));
    }
    std::os::unix::fs::symlink(outside.path().join("a.csv"), fed.path("ages/link.csv")).unwrap();
    assert!(run("ages/*.csv").starts_with("a link leads out of the directory of sources: "));
    assert_eq!(read(&fed.store.store, 1), None);
    fs::remove_file(fed.path("ages/link.csv")).unwrap();
    fs::copy(outside.path().join("a.csv"), fed.path("ages/a.csv")).unwrap();
    assert_eq!(run("ages/*.csv"), "");
    assert_eq!(read(&fed.store.store, 1), Some(Value::Int64(30)));
}

#[test]
fn a_view_that_gets_a_feature_takes_its_files_anew() {
    let fed = Fed::new();
    fed.write("ages/a.csv", &format!("user_id,event_timestamp,age,shoe\n1,{},30,44\n", hours_ago(3)));
    fed.run_ages();
    let more = DEFINITIONS
        .replace("\"age\", type = \"int64\" }]", "\"age\", type = \"int64\" }, { name = \"shoe\", type = \"int64\" }]");
    fed.store.store.apply(&parse_definitions(&more, "d.toml").unwrap(), false).unwrap();
    assert_eq!(counts(&fed.run_ages()), (1, 1, 1, 0, None));
}

#[test]
fn a_run_that_is_stopped_is_no_failure_of_the_feed() {
    let fed = Fed::new();
    fed.ages("ages/a.csv", 5, &[(1, "30")]);
    let stop = Stop::new();
    stop.stop();
    let stopped = fed.store.store.materialize_until(&[], &fed.files(), &stop, &mut |_, _| {});
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(fed.store.store.feeds(&["ages"]).unwrap()[0].status(), "never_ran");
}
