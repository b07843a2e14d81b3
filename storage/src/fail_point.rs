//! Fail points: named places at which a test ends the process, as a crash would.
//!
//! They are there in builds with debug assertions alone. The variable `ASOFDB_FAIL_POINT` says what happens at them:
//! `NAME:N` ends the process by SIGKILL when it comes to the place NAME for the Nth time, and `list:FILE` appends the
//! name of each place that it comes to to a file.

/// A place at which a test may end the process.
///
/// Nothing that follows happens then, in no thread, and nothing is cleaned up. In a release this is nothing.
#[doc(hidden)]
#[inline(always)]
pub fn fail_point(name: &'static str) {
    #[cfg(debug_assertions)]
    armed::reach(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
mod armed {
    use std::fs::{File, OpenOptions};
    use std::io::Write;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    /// The variable that arms a fail point.
    const VARIABLE: &str = "ASOFDB_FAIL_POINT";

    enum Armed {
        Nothing,
        Kill { name: String, left: AtomicU64 },
        List(File),
    }

    impl Armed {
        /// Reads what the variable says.
        ///
        /// # Panics
        /// If it says what no test means.
        fn read() -> Self {
            let Ok(text) = std::env::var(VARIABLE) else { return Armed::Nothing };
            match text.split_once(':') {
                Some(("list", path)) => {
                    Armed::List(OpenOptions::new().append(true).create(true).open(path).expect("a file for the list"))
                }
                Some((name, hit)) => {
                    let hit = hit.parse().expect("the number of a hit, from 1");
                    Armed::Kill { name: name.to_owned(), left: AtomicU64::new(hit) }
                }
                None => panic!("{VARIABLE} is NAME:N or list:FILE"),
            }
        }
    }

    pub(super) fn reach(name: &str) {
        static ARMED: OnceLock<Armed> = OnceLock::new();
        match ARMED.get_or_init(Armed::read) {
            Armed::Kill { name: armed, left } if armed == name && left.fetch_sub(1, Ordering::SeqCst) == 1 => {
                kill_process(getpid(), Signal::KILL).expect("a process may end itself");
            }
            Armed::List(file) => {
                (&*file).write_all(format!("{name}\n").as_bytes()).expect("a list that can be written");
            }
            _ => {}
        }
    }
}
