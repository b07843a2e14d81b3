//! The processes of clients, as the one sees them that starts and kills them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::clients::{CHILD, PROCESSES};
use super::tally::Tally;
use super::values::Beginning;
use crate::Setting;

/// Most wrong answers that are kept: the first ones tell what is wrong.
const WRONG_MAX: usize = 20;

/// The processes of clients.
pub(super) struct Crew<'s> {
    setting: &'s Setting,
    directory: PathBuf,
    beginning: Beginning,
    children: Vec<Child>,
    /// Processes that were started, by which each has random numbers of its own.
    started: u64,
    heard: Arc<Mutex<Heard>>,
}

/// The reports of the processes since the last look.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) tally: Tally,
    /// Wrong answers.
    pub(super) wrong: Vec<String>,
}

impl<'s> Crew<'s> {
    /// Starts all.
    pub(super) fn start(setting: &'s Setting, directory: &Path, beginning: Beginning) -> Self {
        let (directory, heard) = (directory.to_owned(), Arc::default());
        let mut crew = Crew { setting, directory, beginning, children: Vec::new(), started: 0, heard };
        (0..PROCESSES).for_each(|number| {
            let child = crew.spawn(number);
            crew.children.push(child);
        });
        crew
    }

    fn spawn(&mut self, number: usize) -> Child {
        self.started += 1;
        let seed = self.setting.random(self.started).next();
        let mut command = self.setting.child(CHILD);
        command.arg(&self.directory).arg(self.beginning.as_micros().to_string());
        command.args([number.to_string(), seed.to_string()]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a process of clients");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let heard = self.heard.clone();
        // It ends with the process.
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| hear(&heard, &line)));
        child
    }

    /// Kills a process and starts another one in its place.
    pub(super) fn kill(&mut self, number: usize) {
        end(&mut self.children[number]);
        self.children[number] = self.spawn(number);
    }

    /// Tells which of them have ended by themselves, which none should, and starts them again.
    pub(super) fn replace_dead(&mut self) -> Vec<usize> {
        let has_ended = |child: &mut Child| child.try_wait().is_ok_and(|status| status.is_some());
        let dead: Vec<usize> = (0..PROCESSES).filter(|number| has_ended(&mut self.children[*number])).collect();
        dead.iter().for_each(|number| self.kill(*number));
        dead
    }

    /// Takes what was told since the last time.
    pub(super) fn take(&self) -> Heard {
        std::mem::take(&mut lock(&self.heard))
    }
}

impl Drop for Crew<'_> {
    fn drop(&mut self) {
        self.children.iter_mut().for_each(end);
    }
}

fn end(child: &mut Child) {
    // Either fails for a process that is gone, and for no other.
    let _ = child.kill();
    let _ = child.wait();
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hear(heard: &Mutex<Heard>, line: &str) {
    let mut heard = lock(heard);
    match line.split_once(' ') {
        Some(("did", tally)) => {
            // A line is cut short where its process was killed.
            if let Ok(tally) = tally.parse() {
                heard.tally.merge(&tally);
            }
        }
        _ if heard.wrong.len() < WRONG_MAX => heard.wrong.push(line.to_owned()),
        _ => {}
    }
}
