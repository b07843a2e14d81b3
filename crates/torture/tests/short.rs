//! The short form of every part: a test a part, named for it.

use std::path::Path;

use asofdb_torture::{PARTS, Scale, Setting};

/// Runs the short form of a part; a fault fails the test.
fn short(name: &str) {
    let part = PARTS.iter().find(|part| part.name == name).expect("a part of this name");
    let done = part.run(&Setting::new(1, Scale::Short, Path::new(env!("CARGO_BIN_EXE_torture"))));
    assert_eq!(done.report.faults(), Vec::<String>::new());
    println!("{name}: {}", done.report.lines().join(", "));
}

/// Declares the tests, and one that holds that no part is without one.
macro_rules! short_forms {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            short($name);
        })*

        #[test]
        fn every_part_has_its_short_form() {
            let tested: &[&str] = &[$($name),*];
            assert_eq!(PARTS.iter().map(|part| part.name).collect::<Vec<_>>(), tested);
        }
    };
}

short_forms! {
    clients_by_the_thousand_take_nothing_from_good_ones: "hostile",
    clients_and_their_sidecar_are_killed_and_no_answer_is_wrong: "soak",
}
