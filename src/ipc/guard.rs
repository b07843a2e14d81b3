//! Decoders of other crates, whose panics are errors here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use asofdb_storage::Result;

/// Decodes. Where the decoder panics the answer is the error of `broken`; it must not be asked again then.
///
/// The decoders of Arrow and Parquet assert what a file or a message should keep. They hold no locks and nothing that
/// is shared, so what a panic leaves behind is memory of their own, which nobody looks at any more. They never abort
/// for want of memory, because what they would allocate is checked before.
///
/// # Errors
/// Those of `decode`, or that of `broken`.
pub fn guarded<T>(broken: impl FnOnce() -> asofdb_storage::Error, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err(broken()))
}

#[cfg(test)]
mod tests {
    use asofdb_storage::Error;

    use super::*;

    #[test]
    fn a_panic_of_a_decoder_is_an_error() {
        let broken = || Error::corrupt("broken");
        assert_eq!(guarded(broken, || Ok(7)).unwrap(), 7);
        let error = guarded(broken, || -> Result<()> { panic!("a test of panics") }).unwrap_err();
        assert_eq!(error.message(), "broken");
    }
}
