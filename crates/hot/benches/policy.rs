//! Hit ratios of the hot table beside LRU and S3-FIFO, by simulation: reads by Zipf's law with a scan of everything in
//! between. All of them have room for the same number of rows.
//!
//!     cargo bench -p asofdb-hot --bench policy

use std::collections::{HashMap, HashSet, VecDeque};

use asofdb_hot::{Hot, Looked, Row, Table};

/// Rows that there are.
const ROWS: u64 = 200_000;

/// Reads before the scan, and after it.
const READS: u64 = 1_000_000;

/// Bytes of a row, as 50 numbers of 4 bytes and a header have them.
const ROW_BYTES: usize = 232;

/// A cache that is asked for one row after the other.
trait Cache {
    /// Returns whether the row was there; it is afterwards.
    fn read(&mut self, row: u64) -> bool;
}

struct OurTable {
    table: Table,
    looked: Looked,
    row: Vec<u8>,
}

impl Cache for OurTable {
    fn read(&mut self, row: u64) -> bool {
        let key = row.to_be_bytes();
        self.table.look([(1, &key[..])].into_iter(), &mut self.looked);
        let is_there = self.looked.get(0) != Hot::Unknown;
        if !is_there {
            self.table.fill(&self.looked, 0, (1, &key), Some(Row { version: [1, 1], bytes: &self.row }));
        }
        is_there
    }
}

/// The least recently used goes. Rows that were used again stand in the queue more than once.
struct Lru {
    room: usize,
    turn: u64,
    used: HashMap<u64, u64>,
    queue: VecDeque<(u64, u64)>,
}

impl Cache for Lru {
    fn read(&mut self, row: u64) -> bool {
        self.turn += 1;
        let is_there = self.used.insert(row, self.turn).is_some();
        self.queue.push_back((row, self.turn));
        while self.used.len() > self.room {
            let Some((oldest, turn)) = self.queue.pop_front() else { break };
            if self.used.get(&oldest) == Some(&turn) {
                self.used.remove(&oldest);
            }
        }
        is_there
    }
}

/// S3-FIFO as its authors describe it: a small queue of a tenth, a main one, and ghosts.
struct S3Fifo {
    small_room: usize,
    main_room: usize,
    uses: HashMap<u64, u8>,
    small: VecDeque<u64>,
    main: VecDeque<u64>,
    ghosts: VecDeque<u64>,
    is_ghost: HashSet<u64>,
}

impl S3Fifo {
    fn new(room: usize) -> Self {
        S3Fifo {
            small_room: room / 10,
            main_room: room - room / 10,
            uses: HashMap::new(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            ghosts: VecDeque::new(),
            is_ghost: HashSet::new(),
        }
    }

    fn evict_small(&mut self) {
        let Some(row) = self.small.pop_front() else { return };
        if self.uses.get(&row).copied().unwrap_or(0) > 0 {
            self.uses.insert(row, 0);
            self.push_main(row);
            return;
        }
        self.uses.remove(&row);
        self.ghosts.push_back(row);
        self.is_ghost.insert(row);
        if self.ghosts.len() > self.main_room {
            self.ghosts.pop_front().iter().for_each(|ghost| {
                self.is_ghost.remove(ghost);
            });
        }
    }

    fn push_main(&mut self, row: u64) {
        while self.main.len() >= self.main_room {
            let Some(oldest) = self.main.pop_front() else { break };
            match self.uses.get_mut(&oldest) {
                Some(uses) if *uses > 0 => {
                    *uses -= 1;
                    self.main.push_back(oldest);
                }
                _ => {
                    self.uses.remove(&oldest);
                }
            }
        }
        self.main.push_back(row);
    }
}

impl Cache for S3Fifo {
    fn read(&mut self, row: u64) -> bool {
        if let Some(uses) = self.uses.get_mut(&row) {
            *uses = (*uses + 1).min(3);
            return true;
        }
        self.uses.insert(row, 0);
        if self.is_ghost.remove(&row) {
            self.push_main(row);
        } else {
            while self.small.len() >= self.small_room {
                self.evict_small();
            }
            self.small.push_back(row);
        }
        false
    }
}

/// Rows by Zipf's law, the same ones in each run: by inversion of its sums.
struct Zipf {
    sums: Vec<f64>,
    state: u64,
}

impl Zipf {
    fn new(exponent: f64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=ROWS).map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        });
        Zipf { sums: sums.collect(), state: 7 }
    }

    fn next(&mut self) -> u64 {
        // SplitMix64
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = ((mixed ^ mixed >> 31) >> 11) as f64 / (1u64 << 53) as f64;
        let wanted = share * self.sums.last().copied().unwrap_or(1.0);
        let rank = self.sums.partition_point(|sum| *sum < wanted) as u64;
        // Ranks are no neighbours.
        rank.wrapping_mul(0x9e37_79b9) % ROWS
    }
}

/// Shares of reads that found their row: before a scan, right after it, and of all.
fn run(cache: &mut dyn Cache, exponent: f64) -> [f64; 3] {
    let mut zipf = Zipf::new(exponent);
    let mut reads = |cache: &mut dyn Cache, count: u64| (0..count).filter(|_| cache.read(zipf.next())).count() as f64;
    let warm = READS / 2;
    reads(cache, warm);
    let before = reads(cache, READS - warm) / (READS - warm) as f64;
    (0..ROWS).for_each(|row| {
        cache.read(row);
    });
    let soon = READS / 10;
    let after = reads(cache, soon) / soon as f64;
    let rest = reads(cache, READS - soon) / (READS - soon) as f64;
    [before, after, rest]
}

fn main() {
    println!("{ROWS} rows, {READS} reads, a scan of all rows, {READS} reads; hits in % before, right after, and later");
    for exponent in [0.7, 0.99] {
        for bytes in [2 << 20, 8 << 20] {
            let table = Table::new(bytes);
            let mut ours = OurTable { table, looked: Looked::new(), row: vec![7; ROW_BYTES] };
            let ours_hits = run(&mut ours, exponent);
            let room = ours.table.counts().rows as usize;
            let mut lru = Lru { room, turn: 0, used: HashMap::new(), queue: VecDeque::new() };
            println!("zipf {exponent}, {} MiB, {room} rows", bytes >> 20);
            let theirs = [("LRU", run(&mut lru, exponent)), ("S3-FIFO", run(&mut S3Fifo::new(room), exponent))];
            for (name, [before, after, rest]) in [("hot table", ours_hits)].into_iter().chain(theirs) {
                println!("  {name:10} {:5.1} {:5.1} {:5.1}", 100.0 * before, 100.0 * after, 100.0 * rest);
            }
        }
    }
}
