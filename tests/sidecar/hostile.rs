//! Clients that break rules, by mistake or on purpose, get an error or are closed; nobody else notices.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, DictionaryArray, FixedSizeListArray, Float32Array, Int32Array, Int64Array, NullArray, RecordBatch,
    StringArray,
};
use arrow::datatypes::{DataType, Field, Int32Type};
use asofdb::{ErrorKind, Session, Status};
use asofdb_client::{Client, ConnectOptions};

use super::harness::{Sidecar, eventually};
use super::raw::{HELLO, PING, connect, error, frame, greeted, is_ended, request};
use crate::common::{batch, hours_ago, int, times, users};

/// A client that asks one thing after the other, and gets an answer to each. How long each took.
#[allow(clippy::disallowed_methods, reason = "told to whoever looks (--nocapture); no test depends on it")]
fn well_behaved(client: &Client, rounds: usize) -> Vec<Duration> {
    let request = client.prepare(&["profile:visits"]).unwrap();
    let mut entities = request.entity_rows();
    entities.push(&[int(1)]).unwrap();
    let ask = |_| {
        let started = Instant::now();
        let answer = client.latest(&request, &entities).expect("an answer, whatever others do");
        assert_eq!(answer.status(0, 0), Status::Missing);
        started.elapsed()
    };
    (0..rounds).map(ask).collect()
}

/// The 99th percentile.
fn p99(mut took: Vec<Duration>) -> Duration {
    took.sort();
    took[took.len() * 99 / 100]
}

#[test]
fn garbage_is_refused_and_the_connection_closed() {
    let sidecar = Sidecar::start(&users(), &[]);
    let good = sidecar.client();
    let garbage: Vec<u8> = (0..5_000u32).map(|n| (n * 7 % 251) as u8).collect();
    let mut stream = connect(&sidecar.socket());
    let _ = stream.write_all(&garbage);
    assert!(is_ended(&mut stream));
    let mut stream = connect(&sidecar.socket());
    stream.write_all(PING).unwrap();
    assert!(error(&mut stream).contains("the first frame of a connection is a hello"));
    assert!(is_ended(&mut stream));
    let mut stream = greeted(&sidecar.socket());
    stream.write_all(&request(100, b"")).unwrap();
    assert!(error(&mut stream).contains("unknown kind: 100"));
    assert!(is_ended(&mut stream));
    let mut stream = greeted(&sidecar.socket());
    stream.write_all(&u32::MAX.to_le_bytes()).and_then(|()| stream.write_all(&PING[4..])).unwrap();
    assert!(error(&mut stream).contains("at most 33554432 bytes of body: 4294967295"));
    assert!(is_ended(&mut stream));
    well_behaved(&good, 10);
}

#[test]
fn a_bad_request_fails_alone_and_its_connection_goes_on() {
    let sidecar = Sidecar::start(&users(), &[]);
    let mut stream = greeted(&sidecar.socket());
    for (kind, body, rule) in [
        (2, &b"abc"[..], "a message cannot be read"),
        (4, b"abc", "cut short"),
        (4, b"\x05\0\0\0\x01\0\0\0", "no handle 5"),
        (6, b"\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0x\x03\0\0\0\0\0\0\0abc", "Arrow IPC stream is cut short"),
        (20, b"\x01\0\0\0\0\0\0\0x", "absolute path"),
        (9, b"left over", "bytes left over"),
        (1, b"", "says hello once"),
    ] {
        stream.write_all(&request(kind, body)).unwrap();
        let message = error(&mut stream);
        assert!(message.contains(rule), "{kind}: {message}");
    }
    stream.write_all(PING).unwrap();
    assert_eq!(frame(&mut stream).0, 0x89);
}

#[test]
fn limits_are_told_and_hold_for_one_client() {
    let arguments = ["--rows-max", "100", "--answer-bytes-max", "1KiB", "--frame-bytes-max", "4KiB"];
    let sidecar = Sidecar::start(&users(), &arguments);
    let client = sidecar.client();
    let request = client.prepare(&["profile:visits"]).unwrap();
    let mut entities = request.entity_rows();
    (0..101).for_each(|id| entities.push(&[int(id)]).unwrap());
    let error = client.latest(&request, &entities).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, "a read has at most 100 rows: 101"));
    entities.clear();
    (0..100).for_each(|id| entities.push(&[int(id)]).unwrap());
    let error = client.latest(&request, &entities).unwrap_err();
    assert!(error.message().contains("an answer has at most 1024 bytes, ask for fewer rows: 1800"), "{error}");
    entities.clear();
    (0..10).for_each(|id| entities.push(&[int(id)]).unwrap());
    assert_eq!(client.latest(&request, &entities).unwrap().rows(), 10);
    let long = "x".repeat(5_000);
    let error = client.prepare(&[long.as_str()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "the client knows the names itself: {error}");
    let error = client.freshness(&long).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("takes requests of at most 4096 bytes: 5008"), "{error}");
}

#[test]
fn as_many_connections_as_may_be_and_then_a_clear_refusal() {
    let sidecar = Sidecar::start(&users(), &["--connections-max", "3", "--stall-timeout", "10m"]);
    // Whoever has begun a request is not idle, and makes room for nobody.
    let (begun, rest) = PING.split_at(8);
    let begin = |_| {
        let mut stream = greeted(&sidecar.socket());
        stream.write_all(begun).unwrap();
        stream
    };
    let mut kept: Vec<UnixStream> = (0..3).map(begin).collect();
    let refused = Client::connect(sidecar.socket()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(refused.message().contains("3 connections already"), "{refused}");
    kept.pop();
    assert!(eventually(|| Client::connect(sidecar.socket()).is_ok()), "a place is free again");
    let stream = kept.first_mut().unwrap();
    stream.write_all(rest).unwrap();
    assert_eq!(frame(stream).0, 0x89, "those that were there are served");
}

#[test]
fn whoever_says_nothing_or_stops_in_the_middle_is_closed() {
    let arguments = ["--handshake-timeout", "200ms", "--stall-timeout", "300ms", "--idle-timeout", "1s"];
    let sidecar = Sidecar::start(&users(), &arguments);
    let mut silent = connect(&sidecar.socket());
    assert!(is_ended(&mut silent));
    // A byte now and then does not make the handshake longer.
    let mut dripping = connect(&sidecar.socket());
    let mut dripped = HELLO.iter().take_while(|byte| {
        std::thread::sleep(Duration::from_millis(30));
        dripping.write_all(&[**byte]).is_ok()
    });
    assert!(dripped.by_ref().count() < HELLO.len(), "closed before all of it was said");
    let mut halting = greeted(&sidecar.socket());
    halting.write_all(&PING[..7]).unwrap();
    assert!(is_ended(&mut halting));
    let mut idle = greeted(&sidecar.socket());
    assert!(is_ended(&mut idle));
    let log = sidecar.log();
    for what in ["did not say hello", "paused within a request", "said nothing"] {
        assert!(log.contains(what), "{what}: {log}");
    }
    // A client whose idle connections were closed does not notice.
    let client = sidecar.client();
    well_behaved(&client, 2);
    std::thread::sleep(Duration::from_millis(1_300));
    well_behaved(&client, 2);
}

#[test]
fn a_client_that_never_reads_is_closed_and_costs_no_memory() {
    let sidecar = Sidecar::start(&users(), &["--stall-timeout", "500ms"]);
    let good = sidecar.client();
    let alone = p99(well_behaved(&good, 2_000));
    let before = sidecar.resident_bytes();
    let mut hoarders: Vec<UnixStream> = (0..20).map(|_| greeted(&sidecar.socket())).collect();
    let prepare = request(2, b"\x01\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0profile:*\0\0\0\0");
    let mut read = request(4, b"\0\0\0\0\xe8\x03\0\0");
    // A thousand keys of user n.
    let keys: Vec<u8> = (1..=1_000u32).flat_map(|n| (n * 8).to_le_bytes()).collect();
    read.extend(keys.iter().copied().chain((0..1_000u64).flat_map(|n| (n ^ 1 << 63).to_be_bytes())));
    let body = read.len() - 16;
    read[..4].copy_from_slice(&(body as u32).to_le_bytes());
    std::thread::scope(|scope| {
        for hoarder in &mut hoarders {
            let (prepare, read) = (&prepare, &read);
            scope.spawn(move || {
                hoarder.write_all(prepare).unwrap();
                // Until the sidecar has enough of it.
                while hoarder.write_all(read).is_ok() {}
            });
        }
        let beside = p99(well_behaved(&good, 2_000));
        eprintln!("p99 alone {alone:?}, beside 20 that never read {beside:?}");
    });
    let grown = sidecar.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "the sidecar has grown by {grown} bytes");
    assert!(sidecar.log().contains("did not read its answers"), "{}", sidecar.log());
}

#[test]
fn a_client_that_reads_small_answers_slowly_is_cut_off() {
    let sidecar = Sidecar::start(&users(), &["--stall-timeout", "500ms"]);
    let mut slow = greeted(&sidecar.socket());
    slow.set_nonblocking(true).unwrap();
    // So few that they fit whole into the socket, or not at all.
    let (pings, mut answers) = (PING.repeat(200), [0; 10_000]);
    // Some 100 KB a second: each answer is read soon enough, and all of them too slowly.
    let is_cut = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        let _ = std::io::Read::read(&mut slow, &mut answers);
        let sent = (0..20).try_for_each(|_| slow.write_all(&pings));
        sent.is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    });
    assert!(is_cut && sidecar.log().contains("did not read its answers"), "{}", sidecar.log());
}

#[test]
fn ten_thousand_that_never_speak_take_nothing_from_those_who_do() {
    let sidecar = Sidecar::start(&users(), &["--handshake-timeout", "60s"]);
    let good = sidecar.client();
    let alone = p99(well_behaved(&good, 2_000));
    let before = sidecar.resident_bytes();
    let is_over = AtomicBool::new(false);
    let beside = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut took = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                took.extend(well_behaved(&good, 100));
            }
            took
        });
        let silent = connect_in_silence(&sidecar);
        std::thread::sleep(Duration::from_millis(500));
        is_over.store(true, Ordering::Relaxed);
        drop(silent);
        p99(asking.join().expect("no wrong answer"))
    });
    eprintln!("p99 alone {alone:?}, beside 10000 that never speak {beside:?}");
    let late = sidecar.client();
    well_behaved(&late, 10);
    let grown = sidecar.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "the sidecar has grown by {grown} bytes");
}

/// Ten thousand connections that say nothing; the last of them.
fn connect_in_silence(sidecar: &Sidecar) -> Vec<UnixStream> {
    let mut silent = Vec::new();
    for _ in 0..10_000 {
        match UnixStream::connect(sidecar.socket()) {
            Ok(stream) => silent.push(stream),
            Err(error) => panic!("connection {} of 10000: {error}", silent.len()),
        }
        if silent.len() > 1_000 {
            // Not more descriptors than this process may have; the sidecar has closed them anyway.
            drop(silent.drain(..500));
        }
    }
    silent
}

#[test]
fn large_requests_share_a_stated_amount_of_memory() {
    let sidecar = Sidecar::start(&users(), &["--memory-bytes-max", "8MiB"]);
    let good = sidecar.client();
    let mut large: Vec<UnixStream> = (0..4).map(|_| greeted(&sidecar.socket())).collect();
    let refused: Vec<String> = large
        .iter_mut()
        .filter_map(|stream| {
            // 5 MiB of a request of 6 MiB each: they wait for the rest.
            let mut frame = request(6, &[]);
            frame[..4].copy_from_slice(&(6u32 << 20).to_le_bytes());
            frame.resize(5 << 20, 0);
            let sent = stream.write_all(&frame);
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            let mut header = [0; 16];
            let told = std::io::Read::read_exact(stream, &mut header).is_ok();
            (sent.is_err() || told).then(|| format!("{sent:?}"))
        })
        .collect();
    assert!(!refused.is_empty(), "four times 5 MiB are more than 8 MiB");
    assert!(refused.len() < 4, "and one fits: {refused:?}");
    well_behaved(&good, 100);
    assert!(sidecar.log().contains("too many large requests"), "{}", sidecar.log());
}

/// One row of a user.
fn profile(user: i64) -> RecordBatch {
    batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![user])) as ArrayRef),
        ("event_timestamp", times([Some(hours_ago(1))])),
        ("score", Arc::new(Float32Array::from(vec![1.0]))),
        ("visits", Arc::new(Int64Array::from(vec![user]))),
        ("name", Arc::new(StringArray::from(vec!["a"]))),
    ])
}

#[test]
fn idle_clients_make_room_for_others_and_their_next_request_is_answered() {
    let sidecar = Sidecar::start(&users(), &["--connections-max", "2"]);
    let clients: Vec<Client> = (0..6)
        .map(|_| {
            // Those before it are idle after a moment.
            let mut client = None;
            assert!(eventually(|| {
                client = Client::connect(sidecar.socket()).ok();
                client.is_some()
            }));
            client.unwrap()
        })
        .collect();
    for (user, client) in clients.iter().enumerate() {
        // A write is never sent twice: a connection that was ended must be seen to be before.
        assert!(eventually(|| match client.write("profile", &profile(user as i64)) {
            Ok(_) => true,
            Err(error) => {
                assert!(error.message().contains("connections already"), "{error}");
                false
            }
        }));
    }
    let mut read = None;
    assert!(eventually(|| {
        read = clients[0].freshness("profile").ok();
        read.is_some()
    }));
    assert_eq!(read.unwrap().entities, 6);
}

#[test]
fn as_many_requests_are_worked_on_as_may_be_and_the_others_are_told() {
    let sidecar = Sidecar::start(&users(), &["--requests-in-flight-max", "1"]);
    let told = AtomicBool::new(false);
    // Connecting and preparing take a place as well: one after the other, before there is a crowd.
    let prepared: Vec<_> = (0..4)
        .map(|_| {
            let client = sidecar.client();
            let request = client.prepare(&["profile:visits"]).unwrap();
            (client, request)
        })
        .collect();
    let ask = |(client, request): &(Client, asofdb::Prepared)| {
        let mut entities = request.entity_rows();
        (0..5_000).for_each(|id| entities.push(&[int(id)]).unwrap());
        for _ in 0..2_000 {
            match client.latest(request, &entities) {
                Ok(answer) => assert_eq!(answer.rows(), 5_000),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable);
                    assert!(error.message().contains("works on 1 requests already; try again"), "{error}");
                    told.store(true, Ordering::Relaxed);
                }
            }
            if told.load(Ordering::Relaxed) {
                return;
            }
        }
    };
    let told_of = &ask;
    std::thread::scope(|scope| prepared.iter().for_each(|one| drop(scope.spawn(move || told_of(one)))));
    assert!(told.into_inner(), "four clients, each with one request after the other, and never two at a time");
    well_behaved(&sidecar.client(), 10);
}

#[test]
fn requests_that_are_not_taken_at_once_are_answered_in_their_turn() {
    let sidecar = Sidecar::start(&users(), &["--requests-taken-max", "1"]);
    let mut stream = greeted(&sidecar.socket());
    stream.write_all(&PING.repeat(500)).unwrap();
    (0..500).for_each(|_| assert_eq!(frame(&mut stream).0, 0x89));
}

#[test]
fn consumers_have_the_limits_of_the_configuration() {
    let directory = tempfile::TempDir::new().unwrap();
    let limits = directory.path().join("limits.toml");
    std::fs::write(
        &limits,
        "[[consumer]]\nname = \"batch\"\nrequests_per_second = 5\n[[consumer]]\nname = \"mine\"\nuids = [4242]\n",
    )
    .unwrap();
    let sidecar = Sidecar::start(&users(), &["--limits", limits.to_str().unwrap()]);
    let connect = |name: &str| {
        let options = ConnectOptions { consumer: Some(name.to_owned()), ..ConnectOptions::default() };
        Client::connect_with(sidecar.socket(), options)
    };
    let batch = connect("batch").unwrap();
    let request = batch.prepare(&["profile:visits"]).unwrap();
    let mut entities = request.entity_rows();
    entities.push(&[int(1)]).unwrap();
    let errors: Vec<_> = (0..50).filter_map(|_| batch.latest(&request, &entities).err()).collect();
    assert!(errors.len() >= 40, "five a second: {} of 50 refused", errors.len());
    assert_eq!(errors[0].kind(), ErrorKind::Limited);
    assert!(errors[0].message().contains("batch") && errors[0].message().contains('5'), "{}", errors[0]);
    well_behaved(&connect("ranker").unwrap(), 50);
    let error = connect("mine").unwrap_err();
    assert!(error.message().contains("reserved to other users"), "{error}");
}

/// Needs to be root, as it is in most containers, to become somebody else.
#[test]
fn other_users_are_refused_and_those_who_may_read_only_read() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: only root can be another user");
    }
    let arguments = ["--mode", "0666", "--read-only-uid", "65533", "--allow-gid", "65531"];
    let sidecar = Sidecar::start(&users(), &arguments);
    // Others may not look into the directory where it was built.
    let asof = sidecar.directory.path().join("asof");
    std::fs::copy(env!("CARGO_BIN_EXE_asof"), &asof).expect("a copy");
    let run = |uid: u32, gid: u32, arguments: &[&str]| {
        let mut command = Command::new(&asof);
        command.arg("--connect").arg(sidecar.socket()).args(arguments).uid(uid).gid(gid);
        let output = command.output().expect("asof runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let get = ["get", "profile", "--entity", "user_id=1"];
    let delete = ["delete", "profile", "--entity", "user_id=1"];
    let erase = ["erase", "profile", "--entity", "user_id=1"];
    let (code, message) = run(65534, 65534, &get);
    assert_eq!(code, Some(1));
    assert!(message.contains("user 65534 may not use this sidecar"), "{message}");
    assert_eq!(run(65533, 65533, &get), (Some(0), String::new()));
    let (code, message) = run(65533, 65533, &delete);
    assert_eq!(code, Some(1));
    assert!(message.contains("deleting needs the role writer; this caller has the role reader"), "{message}");
    assert_eq!(run(65532, 65531, &delete), (Some(0), String::new()));
    let (code, message) = run(65532, 65531, &erase);
    assert_eq!(code, Some(1));
    assert!(message.contains("erasing needs the role operator"), "{message}");
}

/// A write whose name column is one text of 900 KB, in a dictionary.
fn large_names(rows: usize) -> RecordBatch {
    let names = DictionaryArray::<Int32Type>::new(
        Int32Array::from(vec![0; rows]),
        Arc::new(StringArray::from(vec!["x".repeat(900_000)])),
    );
    batch(vec![
        ("user_id", Arc::new((0..rows as i64).collect::<Int64Array>())),
        ("event_timestamp", times((0..rows).map(|_| Some(hours_ago(1))))),
        ("score", Arc::new((0..rows).map(|_| Some(1.0)).collect::<Float32Array>())),
        ("visits", Arc::new((0..rows as i64).collect::<Int64Array>())),
        ("name", Arc::new(names)),
    ])
}

#[test]
fn small_frames_that_become_large_are_refused_and_cost_no_memory() {
    let sidecar = Sidecar::start(&users(), &["--memory-bytes-max", "256MiB"]);
    let client = sidecar.client();
    for _ in 0..3 {
        let error = client.write("profile", &large_names(2_000)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(format!("{error:#}").contains("bytes once dictionaries, runs and nulls are written out"), "{error:#}");
    }
    // Less than one write may have, but more than the sidecar gives to all requests together.
    let error = client.write("profile", &large_names(290)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("holds too many large requests"), "{error}");
    let item = Arc::new(Field::new_list_field(DataType::Null, true));
    let lists = FixedSizeListArray::new(item, 1 << 20, Arc::new(NullArray::new(1_000 << 20)), None);
    let error = client.write("profile", &batch(vec![("name", Arc::new(lists) as ArrayRef)])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(format!("{error:#}").contains("has at most 1000000 values: 1048576000 with"), "{error:#}");
    assert!(sidecar.resident_bytes() < 256 << 20, "{}", sidecar.resident_bytes());
    well_behaved(&client, 10);
}
