//! The memory of folds, which is kept from read to read.

use std::fmt::{Debug, Formatter};

use asofdb_storage::Result;
use crossbeam::queue::ArrayQueue;

use crate::windows::gathered::Gathered;
use crate::windows::plan::FoldPlan;
use crate::windows::tiles::TileMemory;
use crate::windows::tiling::Tiling;
use crate::windows::tree::Tree;

/// Memories of one plan that are kept while nobody uses them; more reads than this at once make their own.
const SPARES_MAX: usize = 8;

/// The most bytes of a memory that is kept. A read that needed more is rare, and slow enough to make its own.
const SPARE_BYTES_MAX: usize = 256 << 10;

/// The memory of a [`Folder`](crate::windows::folder::Folder) for one plan.
pub(crate) struct FoldMemory {
    pub(super) events: Gathered,
    pub(super) folded: Folded,
}

/// The partial results so far.
pub(super) struct Folded {
    pub(super) tree: Tree,
    pub(super) value: Vec<u8>,
}

/// The memory of a read for one plan.
pub(crate) struct ReadMemory {
    /// That of the fold.
    pub(crate) fold: FoldMemory,
    /// That of the tiles, where the fold has some.
    pub(crate) tiles: Option<TileMemory>,
}

/// The memories of one plan that nobody uses now.
pub(crate) struct Spares(ArrayQueue<ReadMemory>);

impl FoldMemory {
    /// Memory for a plan.
    ///
    /// # Errors
    /// `NotFound` when the event view lacks a column of the plan.
    pub(crate) fn new(plan: &FoldPlan) -> Result<Self> {
        let tree = Tree::new(plan.partials.iter().map(|partial| &partial.empty));
        Ok(FoldMemory { events: Gathered::new(plan)?, folded: Folded { tree, value: Vec::new() } })
    }

    fn bytes(&self) -> usize {
        self.events.memory_bytes() + self.folded.tree.memory_bytes() + self.folded.value.capacity()
    }
}

impl Spares {
    /// Takes a memory that is not used, or makes one.
    ///
    /// # Errors
    /// As [`FoldMemory::new`].
    pub(crate) fn take(&self, plan: &FoldPlan, tiling: Option<&Tiling>) -> Result<ReadMemory> {
        if let Some(memory) = self.0.pop() {
            return Ok(memory);
        }
        let tiles = tiling.map(|tiling| TileMemory::new(plan, tiling));
        Ok(ReadMemory { fold: FoldMemory::new(plan)?, tiles })
    }

    /// Gives a memory back after a read. It may hold what that read had: whoever takes it begins anew.
    pub(crate) fn give_back(&self, memory: ReadMemory) {
        if memory.fold.bytes() + memory.tiles.as_ref().map_or(0, TileMemory::bytes) <= SPARE_BYTES_MAX {
            drop(self.0.push(memory));
        }
    }
}

impl Default for Spares {
    fn default() -> Self {
        Spares(ArrayQueue::new(SPARES_MAX))
    }
}

impl Debug for Spares {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spares({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use asofdb_storage::{ManualClock, Timestamp, Value};

    use crate::definitions::parse_definitions;
    use crate::store::Store;

    const NOW: i64 = 1_717_200_000_000_000;

    const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[event_view]]
name = "visits"
entities = ["user"]
columns = [{ name = "page", type = "string" }]

[[window_view]]
name = "w"
from = "visits"
windows = ["1h"]
feature = [{ name = "n", aggregate = "count" }, { name = "page", aggregate = "max", of = "page" }]
"#;

    /// So many visits of a user, one a millisecond, with pages of so many bytes.
    fn visits(user: i64, events: usize, page_bytes: usize) -> RecordBatch {
        let times: TimestampMicrosecondArray = (0..events).map(|n| Some(NOW - 1_000 * n as i64)).collect();
        let columns: [(&str, ArrayRef); 3] = [
            ("user_id", Arc::new(Int64Array::from(vec![user; events]))),
            ("event_timestamp", Arc::new(times.with_timezone("UTC"))),
            ("page", Arc::new(StringArray::from(vec!["p".repeat(page_bytes); events]))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn memory_is_kept_for_the_next_read_unless_it_is_large_and_holds_nothing_of_the_last_one() {
        let store = Store::in_memory(ManualClock::new(Timestamp::from_micros(NOW)));
        store.apply(&parse_definitions(DEFINITIONS, "w.toml").unwrap(), false).unwrap();
        store.write("visits", &visits(1, 3, 10)).unwrap();
        store.write("visits", &visits(2, 1_000, 1_024)).unwrap();
        let request = store.prepare(&["w:n_1h", "w:page_1h"]).unwrap();
        let plan = request.plan(store.catalog().revision(), || store.catalog()).unwrap();
        let read = |user: i64| {
            let mut rows = request.entity_rows();
            rows.push(&[Some(Value::Int64(user))]).unwrap();
            let answer = store.latest(&request, &rows).unwrap();
            let kept = plan.sources.spares[0].0.len();
            (answer.value(0, 0).unwrap(), answer.value(0, 1).unwrap(), kept)
        };
        let page = |bytes| Some(Value::String("p".repeat(bytes)));
        let small = (Some(Value::Int64(3)), page(10), 1);
        assert_eq!(read(1), small);
        assert_eq!(read(3), (None, None, 1));
        assert_eq!(read(1), small);
        assert_eq!(read(2), (Some(Value::Int64(1_000)), page(1_024), 0));
        assert_eq!(read(1), small);
    }
}
