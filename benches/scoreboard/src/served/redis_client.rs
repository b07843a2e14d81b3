//! Redis, and Valkey, in the two layouts that feature stores use, on a Unix socket.

use std::sync::Arc;

use asofdb_peers::{Layout, Redis, RedisClient};

use crate::contender::{Fallible, Reader, Request};
use crate::data::value;
use crate::scenario::{Setting, Shape};

/// A client of one of them.
pub struct RedisReader {
    redis: Arc<Redis>,
    client: RedisClient,
    layout: Layout,
    shape: Shape,
    keys: Vec<u64>,
}

impl RedisReader {
    /// Starts a server of its own, `program`, and loads the data.
    ///
    /// # Errors
    /// When it is not installed, or what it says.
    pub fn start(program: &str, layout: Layout, setting: &Setting) -> Fallible<Self> {
        let redis = Redis::start_program(program)?.ok_or_else(|| format!("{program} is not installed"))?;
        let (shape, views) = (setting.scenario.shape(), setting.scenario.shape().views as u64);
        let mut client = redis.connect(shape.features)?;
        let rows: Vec<u64> = (0..setting.entities() * views).collect();
        // A row of Redis is one of an entity and a view.
        let of_row = |row: u64, n: usize| value(row / views, 0, (row % views) as usize * shape.features + n);
        client.load(layout, &rows, of_row)?;
        Ok(RedisReader { redis: Arc::new(redis), client, layout, shape, keys: Vec::new() })
    }
}

impl Reader for RedisReader {
    fn answer(&mut self, request: &Request, out: &mut [f32]) -> Fallible<()> {
        let views = self.shape.views as u64;
        self.keys.clear();
        self.keys.extend(request.entities.iter().flat_map(|entity| (0..views).map(move |view| entity * views + view)));
        match self.layout {
            Layout::Blob => self.client.mget(&self.keys, out)?,
            Layout::Hash => self.client.hmget(&self.keys, out)?,
        }
        Ok(())
    }

    fn server(&self) -> Option<u32> {
        Some(self.redis.process_id())
    }

    fn another(&self) -> Fallible<Box<dyn Reader>> {
        let (redis, client) = (self.redis.clone(), self.redis.connect(self.shape.features)?);
        Ok(Box::new(RedisReader { redis, client, layout: self.layout, shape: self.shape, keys: Vec::new() }))
    }
}
