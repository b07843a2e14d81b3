//! Ghosts: hashes of rows that have left the small ring, so that one that comes back is known.

/// Hashes of rows, each at a place of its own; a newer one takes the place of an older.
#[derive(Debug)]
pub(crate) struct Ghosts(Box<[u32]>);

impl Ghosts {
    pub(crate) fn new(count: usize) -> Self {
        Ghosts(vec![0; 1 << count.max(1).ilog2()].into())
    }

    /// The bytes that they take.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }

    fn place(&mut self, hash: u64) -> (&mut u32, u32) {
        let place = (hash >> 20) as usize & (self.0.len() - 1);
        (&mut self.0[place], (hash >> 32) as u32 | 1)
    }

    pub(crate) fn add(&mut self, hash: u64) {
        let (place, print) = self.place(hash);
        *place = print;
    }

    /// Returns whether a hash is there, and takes it out.
    pub(crate) fn take(&mut self, hash: u64) -> bool {
        let (place, print) = self.place(hash);
        let is_there = *place == print;
        if is_there {
            *place = 0;
        }
        is_there
    }

    pub(crate) fn clear(&mut self) {
        self.0.fill(0);
    }
}
