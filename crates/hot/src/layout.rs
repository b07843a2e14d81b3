//! The parts of a table's memory.

/// Words of a bucket: one cache line.
pub(crate) const BUCKET_WORDS: usize = 8;

/// Entries of a bucket: the first word counts its changes.
pub(crate) const ENTRIES: usize = BUCKET_WORDS - 1;

/// The index's part of the memory: with rows of 256 bytes, two or three of the seven entries of a bucket are used.
const INDEX_PART: usize = 8;

/// The small ring's part of a shard.
const SMALL_PART: usize = 10;

/// The part of the bytes for uses and ghosts: each takes a byte and a half of a hundred, or less.
const BESIDE_PART: usize = 32;

/// Most shards: more threads than that seldom fill rows at a time.
const SHARDS_MAX: usize = 64;

/// The least memory of a shard in words: rings that hold some hundred rows.
const SHARD_WORDS_MIN: usize = 16 << 10;

/// The parts of a table, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Shards, a power of two.
    pub(crate) shards: usize,
    /// Buckets of each shard.
    pub(crate) buckets: usize,
    /// Words of the small ring of each shard.
    pub(crate) small: usize,
    /// Words of the main ring of each shard.
    pub(crate) main: usize,
}

impl Layout {
    /// The parts of so many bytes, what lies beside the table included.
    pub(crate) fn of(bytes: usize) -> Self {
        let words = (bytes - bytes / BESIDE_PART) / size_of::<u64>();
        let shards = 1 << (words / SHARD_WORDS_MIN).clamp(1, SHARDS_MAX).ilog2();
        let shard = (words / shards).max(1_024);
        let buckets = (shard / INDEX_PART / BUCKET_WORDS).max(1);
        let records = shard - buckets * BUCKET_WORDS;
        let small = records / SMALL_PART;
        Layout { shards, buckets, small, main: records - small }
    }

    /// The parts as numbers.
    pub(crate) fn parts(&self) -> [usize; 4] {
        [self.shards, self.buckets, self.small, self.main]
    }

    /// A layout that another process has written, for a table of so many words; `None` where they are not enough.
    pub(crate) fn from_parts(parts: [u64; 4], words: usize) -> Option<Self> {
        let words = words as u64;
        let [shards, buckets, small, main] = parts;
        let index = shards.checked_mul(buckets)?.checked_mul(BUCKET_WORDS as u64)?;
        let rings = small.checked_add(main)?.checked_mul(shards)?;
        let fits = index.checked_add(rings)? <= words && buckets > 0 && buckets <= u64::from(u32::MAX);
        let [shards, buckets, small, main] = parts.map(|part| part as usize);
        (fits && shards.is_power_of_two()).then_some(Layout { shards, buckets, small, main })
    }

    /// All words.
    pub(crate) fn words(&self) -> usize {
        self.index_words() + self.shards * (self.small + self.main)
    }

    /// Words of the index.
    pub(crate) fn index_words(&self) -> usize {
        self.shards * self.buckets * BUCKET_WORDS
    }

    /// The place of the small ring of a shard; the main one follows.
    pub(crate) fn rings(&self, shard: usize) -> usize {
        self.index_words() + shard * (self.small + self.main)
    }

    /// Most words of one record: many of them fit into the small ring.
    pub(crate) fn record_max(&self) -> usize {
        self.small / 8
    }
}
