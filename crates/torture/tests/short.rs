//! The short form of every part: a test a part, named for it.

use std::path::Path;

use asofdb_torture::{PARTS, Scale, Setting, new_store_after_a_power_cut};

fn setting() -> Setting {
    Setting::new(1, Scale::Short, Path::new(env!("CARGO_BIN_EXE_torture")))
}

/// Runs the short form of a part; a fault fails the test.
fn short(name: &str) {
    let part = PARTS.iter().find(|part| part.name == name).expect("a part of this name");
    let done = part.run(&setting());
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
    a_killed_writer_loses_nothing_that_was_acknowledged: "crash",
    commands_that_are_killed_leave_nothing_half_done: "output",
    power_cuts_lose_nothing_that_was_synced_and_otherwise_the_newest: "power",
    damaged_files_are_found_or_do_not_matter: "flips",
    calls_to_the_disk_that_fail_lose_nothing_and_are_said: "errors",
    full_disks_lose_nothing_and_go_on_when_there_is_room: "disk",
    limits_end_in_an_error_that_names_them_or_work: "limits",
    clocks_that_step_hide_and_delete_nothing_for_good: "clocks",
    every_read_of_a_random_history_agrees_with_a_list_of_its_writes: "histories",
    windows_of_a_store_whose_process_was_killed_agree_with_its_events: "windows",
    an_order_of_the_calls_on_an_entity_explains_every_answer: "linear",
    clients_by_the_thousand_take_nothing_from_good_ones: "hostile",
    backups_under_load_are_whole_wherever_they_are_restored_and_lead_to_every_commit: "backups",
    clients_and_their_sidecar_are_killed_and_no_answer_is_wrong: "soak",
}

#[test]
fn a_store_in_new_directories_is_there_after_a_power_cut_where_names_last_by_the_sync_of_their_directory_alone() {
    assert_eq!(new_store_after_a_power_cut(&setting()), Ok(()));
}
