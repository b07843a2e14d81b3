//! Values read back from Redis equal those loaded. Skipped where `redis-server` is not installed.

use asofdb_peers::{Layout, Redis};

const FEATURES: usize = 50;

fn value(entity: u64, feature: usize) -> f32 {
    (entity * 1_000) as f32 + feature as f32 / 4.0
}

fn expected(entities: &[u64]) -> Vec<f32> {
    entities.iter().flat_map(|entity| (0..FEATURES).map(|feature| value(*entity, feature))).collect()
}

#[test]
fn both_layouts_give_back_what_was_loaded() {
    let Some(redis) = Redis::start().expect("a server") else { return };
    let mut client = redis.connect(FEATURES).expect("a connection");
    let entities: Vec<u64> = (0..2_500).collect();
    client.load(Layout::Blob, &entities, value).expect("blobs load");
    client.load(Layout::Hash, &entities, value).expect("hashes load");
    for asked in [vec![7], vec![2_499, 0, 0, 12], (0..1_000).rev().collect::<Vec<u64>>()] {
        let mut out =
            [vec![0.0; asked.len() * FEATURES], vec![0.0; asked.len() * FEATURES], vec![0.0; asked.len() * FEATURES]];
        client.mget(&asked, &mut out[0]).expect("a read");
        client.get_each(&asked, &mut out[1]).expect("a read");
        client.hmget(&asked, &mut out[2]).expect("a read");
        assert!(out.iter().all(|out| *out == expected(&asked)), "{} entities", asked.len());
    }
}

#[test]
fn entities_that_were_never_loaded_read_as_nan() {
    let Some(redis) = Redis::start().expect("a server") else { return };
    let mut client = redis.connect(FEATURES).expect("a connection");
    client.load(Layout::Blob, &[1], value).expect("a blob loads");
    let mut out = vec![0.0; 2 * FEATURES];
    client.mget(&[1, 2], &mut out).expect("a read");
    assert_eq!(out[..FEATURES], expected(&[1]));
    assert!(out[FEATURES..].iter().all(|value| value.is_nan()));
    client.hmget(&[1, 2], &mut out).expect("a read");
    assert!(out.iter().all(|value| value.is_nan()));
}

#[test]
fn the_server_is_gone_once_it_is_dropped() {
    let Some(redis) = Redis::start().expect("a server") else { return };
    let process = std::path::PathBuf::from(format!("/proc/{}", redis.process_id()));
    assert!(process.exists());
    drop(redis);
    assert!(!process.exists());
}
