//! Answers, as far as admission needs to know them.

/// An answer whose bytes count against the limits of the caller and of the views.
pub(crate) trait Answer {
    /// The bytes that are sent.
    fn bytes(&self) -> usize;
}

impl Answer for Vec<u8> {
    fn bytes(&self) -> usize {
        self.len()
    }
}

impl Answer for String {
    fn bytes(&self) -> usize {
        self.len()
    }
}

/// Its rows are counted when the client tells of them.
impl Answer for asofdb::storage::SharedMemory {
    fn bytes(&self) -> usize {
        0
    }
}

/// A part of another answer, in which it counts.
impl<T> Answer for Result<T, asofdb::Error> {
    fn bytes(&self) -> usize {
        0
    }
}

/// Nothing is sent, or it is answered elsewhere.
impl Answer for () {
    fn bytes(&self) -> usize {
        0
    }
}
