//! Redis, each layout a contender.

use asofdb_peers::{Layout, Redis, RedisClient};

use crate::contender::{Contender, Reader, ReadyWrite, WrittenRow};
use crate::support::{Sizes, WIDE, value};

/// A layout in a running server.
#[derive(Debug)]
pub struct RedisContender<'r> {
    redis: &'r Redis,
    layout: Layout,
}

impl<'r> RedisContender<'r> {
    /// Loads the newest row of every entity.
    pub fn load(redis: &'r Redis, layout: Layout, sizes: Sizes) -> Self {
        let contender = RedisContender { redis, layout };
        let entities: Vec<u64> = (0..sizes.entities as u64).collect();
        let value = |entity, feature| value(entity as usize, sizes.versions - 1, feature + 1);
        contender.connect().load(layout, &entities, value).expect("redis-server takes rows");
        contender
    }

    fn connect(&self) -> RedisClient {
        self.redis.connect(WIDE).expect("redis-server listens")
    }

    fn client(&self, pipelined: bool) -> Box<dyn Reader + Send> {
        let (keys, out) = (Vec::new(), Vec::new());
        Box::new(RedisReader { client: self.connect(), layout: self.layout, pipelined, keys, out })
    }
}

impl Contender for RedisContender<'_> {
    fn name(&self) -> &'static str {
        match self.layout {
            Layout::Blob => "Redis: MGET of blobs",
            Layout::Hash => "Redis: HMGET of hashes",
        }
    }

    fn server(&self) -> Option<u32> {
        Some(self.redis.process_id())
    }

    fn reader(&self) -> Box<dyn Reader + Send + '_> {
        self.client(false)
    }

    fn pipeline(&self) -> Option<Box<dyn Reader + Send + '_>> {
        Some(self.client(true))
    }

    fn writes(&self, batches: &[Vec<WrittenRow>]) -> Vec<ReadyWrite<'_>> {
        let write = |rows: Vec<WrittenRow>| -> ReadyWrite<'_> {
            let mut client = self.connect();
            Box::new(move || {
                let entities: Vec<u64> = rows.iter().map(|row| row.entity as u64).collect();
                // All rows of a batch have one version.
                let value = |entity, feature| WrittenRow { entity: entity as usize, ..rows[0] }.value(feature);
                client.load(self.layout, &entities, value).expect("redis-server takes rows");
            })
        };
        batches.iter().cloned().map(write).collect()
    }
}

struct RedisReader {
    client: RedisClient,
    layout: Layout,
    pipelined: bool,
    keys: Vec<u64>,
    out: Vec<f32>,
}

impl Reader for RedisReader {
    fn read(&mut self, entities: &[usize]) {
        self.keys.clear();
        self.keys.extend(entities.iter().map(|entity| *entity as u64));
        self.out.resize(entities.len() * WIDE, 0.0);
        let done = match (self.layout, self.pipelined) {
            (Layout::Blob, false) => self.client.mget(&self.keys, &mut self.out),
            (Layout::Blob, true) => self.client.get_each(&self.keys, &mut self.out),
            (Layout::Hash, _) => self.client.hmget(&self.keys, &mut self.out),
        };
        done.expect("redis-server answers");
    }

    fn value(&self, row: usize, feature: usize) -> f32 {
        self.out[row * WIDE + feature]
    }
}
