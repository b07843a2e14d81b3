//! The rows that a read asks about: entity keys, and the values that come with the question.

use asofdb_storage::{Error, RequestValue, Result, ScalarType};

use crate::derived::request_rows::RequestRows;
use crate::read::plan::ReadPlan;
use crate::rows::keys::EncodedKeys;

/// The rows of a question, encoded as a plan has them. Reuse them: clearing keeps the memory.
#[derive(Debug, Clone)]
pub struct AskedRows {
    /// The keys of each group of [`Sources::key_groups`](crate::read::sources::Sources::key_groups).
    pub(crate) groups: Vec<EncodedKeys>,
    pub(crate) request: RequestRows,
    rows: usize,
}

impl AskedRows {
    /// No rows, for a plan.
    pub fn new(plan: &ReadPlan) -> Self {
        let groups = vec![EncodedKeys::default(); plan.sources.key_groups.len()];
        AskedRows { groups, request: RequestRows::new(&plan.derived.request), rows: 0 }
    }

    /// Returns the number of rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Returns whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds rows: `push` adds them to keys and values, or fails, and then none of them is there.
    ///
    /// # Errors
    /// The error that `push` returned.
    pub(crate) fn add(
        &mut self,
        rows: usize,
        push: impl FnOnce(&mut [EncodedKeys], &mut RequestRows) -> Result<()>,
    ) -> Result<()> {
        if let Err(error) = push(&mut self.groups, &mut self.request) {
            self.truncate(self.rows);
            return Err(error);
        }
        self.rows += rows;
        Ok(())
    }

    /// Forgets the rows from `rows` on.
    fn truncate(&mut self, rows: usize) {
        self.groups.iter_mut().for_each(|group| group.truncate(rows));
        self.request.truncate(rows);
        self.rows = rows;
    }

    /// Some of the rows.
    pub(crate) fn subset(&self, rows: &[usize]) -> AskedRows {
        AskedRows {
            groups: self.groups.iter().map(|group| group.subset(rows)).collect(),
            request: self.request.subset(rows),
            rows: rows.len(),
        }
    }

    /// Forgets the rows, keeps the memory unless there are more than `bytes_max` of it.
    pub fn clear(&mut self, bytes_max: usize) {
        for group in &mut self.groups {
            match group.memory_bytes() > bytes_max {
                true => *group = EncodedKeys::default(),
                false => group.clear(),
            }
        }
        self.request.truncate(0);
        self.rows = 0;
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> usize {
        self.groups.iter().map(EncodedKeys::memory_bytes).sum::<usize>() + self.request.memory_bytes()
    }

    /// Bytes of the rows as they travel.
    pub fn wire_bytes(&self) -> usize {
        self.groups.iter().map(EncodedKeys::wire_bytes).sum::<usize>() + self.request.wire_bytes()
    }

    /// Appends the rows as they travel: the keys of each group, then each request value.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        self.groups.iter().for_each(|group| group.write_to(out));
        self.request.write_to(out);
    }

    /// Adds rows that have travelled, which are all of `bytes`.
    ///
    /// # Errors
    /// `Invalid` when they are no rows of the plan; none is added then.
    pub fn read_from(
        &mut self,
        key_types: &[Vec<ScalarType>],
        values: &[RequestValue],
        rows: usize,
        mut bytes: &[u8],
    ) -> Result<()> {
        self.add(rows, |groups, request| {
            for (group, types) in groups.iter_mut().zip(key_types) {
                group.read_from(types.iter().copied(), rows, &mut bytes)?;
            }
            request.read_from(values, rows, &mut bytes)?;
            match bytes.len() {
                0 => Ok(()),
                left => Err(Error::invalid(format!("a request has {left} bytes after its entity keys and values"))),
            }
        })
    }
}
