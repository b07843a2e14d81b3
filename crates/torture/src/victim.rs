//! A process that says what it has done, and is killed.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The moment at which a process is struck.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// So long after it was started.
    Started(Duration),
    /// So long after it has opened its store.
    Ready(Duration),
    /// Never: it ends by itself, as something in it makes it.
    Never,
}

/// The end of a process.
#[derive(Debug, Default)]
pub struct Ended {
    /// The number of tasks that it has said are done, counted with those of earlier runs; `None` if it said nothing.
    pub acknowledged: Option<u64>,
    /// The moments at which it was heard to say so, for each number of tasks.
    pub heard: Vec<(u64, Instant)>,
    /// The moment at which it was struck.
    pub struck: Option<Instant>,
    /// The failure that it told.
    pub failed: Option<String>,
    /// True if it was killed.
    pub is_killed: bool,
}

/// Runs a process and strikes it.
///
/// # Panics
/// If it cannot be started.
pub fn run(mut command: Command, when: When, strike: impl FnOnce(&mut Child) + Send) -> Ended {
    let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().expect("a process can be started");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let (ready, readiness) = mpsc::channel();
    let mut ended = Ended::default();
    let (struck, status) = std::thread::scope(|scope| {
        let striker = scope.spawn(move || {
            let struck = match when {
                When::Started(delay) => strike_after(&mut child, delay, strike),
                When::Ready(delay) if readiness.recv().is_ok() => strike_after(&mut child, delay, strike),
                When::Ready(_) | When::Never => None,
            };
            (struck, child.wait().expect("it was started"))
        });
        for line in lines.map_while(Result::ok) {
            ended.hear(&line);
            if line == "ready" {
                // Whoever waits for something else does not listen.
                let _ = ready.send(());
            }
        }
        drop(ready);
        striker.join().expect("striking does not fail")
    });
    (ended.struck, ended.is_killed) = (struck, status.signal() == Some(KILLED));
    ended
}

/// The number of SIGKILL.
const KILLED: i32 = 9;

/// Kills a process.
///
/// # Panics
/// If it cannot be killed.
pub fn kill(child: &mut Child) {
    child.kill().expect("a process of ours can be killed");
}

/// Strikes unless the process has ended by itself.
#[allow(clippy::disallowed_methods, reason = "a figure; it decides nothing")]
fn strike_after(child: &mut Child, delay: Duration, strike: impl FnOnce(&mut Child)) -> Option<Instant> {
    std::thread::sleep(delay);
    if child.try_wait().expect("it was started").is_some() {
        return None;
    }
    let now = Instant::now();
    strike(child);
    Some(now)
}

impl Ended {
    #[allow(clippy::disallowed_methods, reason = "a figure; it decides nothing")]
    fn hear(&mut self, line: &str) {
        if let Some(done) = line.strip_prefix("done ").and_then(|done| done.parse().ok()) {
            self.acknowledged = Some(done);
            self.heard.push((done, Instant::now()));
        } else if let Some(why) = line.strip_prefix("failed ") {
            self.failed = Some(why.to_owned());
        }
    }
}
