//! The others: a consumer that asks as fast as it can, an export after the other, and an ingest after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use asofdb::{ErrorKind, F32Matrix, Session, Value};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::connect;
use crate::support::{Sizes, WIDE, all, mix};

/// Tells this binary that it is the hungry consumer, and where the sidecar listens.
const SOCKET: &str = "ASOFDB_BENCH_HUNGRY_SOCKET";

/// Connections of the hungry consumer, and the rows that each asks for at a time.
const CONNECTIONS: u64 = 4;
const ROWS: u64 = 20;

/// The pause after a refusal.
const AGAIN_AFTER: Duration = Duration::from_millis(2);

/// Those who are in the way, until they are stopped.
pub struct Others {
    hungry: Child,
    stop: Arc<AtomicBool>,
    bulk: Vec<JoinHandle<()>>,
    _directory: TempDir,
}

/// Becomes the hungry consumer, if this process was started as one; it ends by a signal.
pub fn serve_if_asked() {
    let Some(socket) = std::env::var_os(SOCKET).map(PathBuf::from) else { return };
    let sizes = Sizes::from_env();
    let ask = |number| ask_for_ever(&socket, sizes, number);
    std::thread::scope(|scope| (0..CONNECTIONS).for_each(|number| drop(scope.spawn(move || ask(number)))));
}

fn ask_for_ever(socket: &Path, sizes: Sizes, number: u64) {
    let client = connect(socket, "hungry");
    let request = client.prepare(&all("wide")).expect("a request");
    let (mut rows, mut out) = (request.entity_rows(), vec![0.0; WIDE * ROWS as usize]);
    for seed in 0_u64.. {
        rows.clear();
        for row in 0..ROWS {
            let entity = mix(seed * ROWS + row + number * 1_000_000_007) % sizes.entities as u64;
            rows.push(&[Some(Value::Int64(entity as i64))]).expect("an entity");
        }
        let matrix = F32Matrix { values: &mut out, statuses: None, fill: f32::NAN };
        match client.latest_f32(&request, &rows, matrix) {
            Ok(()) => {}
            // As clients do that are told to come again.
            Err(error) if error.kind() == ErrorKind::Limited => std::thread::sleep(AGAIN_AFTER),
            // The sidecar has ended.
            Err(_) => return,
        }
    }
}

impl Others {
    /// Starts them; the ingest reads what an export of the same view has written before.
    pub fn start(socket: &Path, directory: &Path) -> Self {
        let scratch = tempfile::tempdir_in(directory).expect("a directory");
        let exported = scratch.path().join("rows");
        run(&asof(socket, &["export", "narrow", "--out", &exported.display().to_string()]));
        let files = parquet_files(&exported);
        let program = std::env::current_exe().expect("this binary");
        let mut hungry = Command::new(program);
        let hungry = hungry.env(SOCKET, socket).stdout(Stdio::null()).spawn().expect("this binary starts");
        let stop = Arc::new(AtomicBool::new(false));
        let exporting = {
            let (socket, out) = (socket.to_owned(), scratch.path().join("export"));
            again_and_again(&stop, move || {
                let _ = fs::remove_dir_all(&out);
                run(&asof(&socket, &["export", "wide", "--out", &out.display().to_string()]));
            })
        };
        let ingesting = {
            let socket = socket.to_owned();
            again_and_again(&stop, move || {
                let mut words = vec!["ingest", "narrow", "--from-scratch"];
                words.extend(files.iter().map(String::as_str));
                run(&asof(&socket, &words));
            })
        };
        Others { hungry, stop, bulk: vec![exporting, ingesting], _directory: scratch }
    }

    /// Ends them, when what each does is done.
    pub fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // It may have ended by itself; either way it is gone afterwards.
        let _ = kill_process(Pid::from_child(&self.hungry), Signal::KILL);
        let _ = self.hungry.wait();
        self.bulk.drain(..).for_each(|thread| thread.join().expect("no panic"));
    }
}

fn again_and_again(stop: &Arc<AtomicBool>, work: impl Fn() + Send + 'static) -> JoinHandle<()> {
    let stop = stop.clone();
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            work();
        }
    })
}

fn asof(socket: &Path, words: &[&str]) -> Vec<String> {
    let place = ["--connect".to_owned(), socket.display().to_string()];
    place.into_iter().chain(words.iter().map(|word| (*word).to_owned())).collect()
}

fn run(words: &[String]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asof"));
    let output = command.args(words).env_remove("ASOF_STORE").output().expect("asof runs");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn parquet_files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("an export").filter_map(|entry| Some(entry.ok()?.path()));
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    files.map(|path| path.display().to_string()).collect()
}
