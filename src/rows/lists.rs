//! Lists as rows store them.

use arrow::array::{Array, ArrayRef};
use asofdb_storage::scalar::Scalar;
use asofdb_storage::{ScalarType, dispatch_scalar};

use crate::rows::arrow_scalar::ArrowScalar;

/// Encodes the items of one list, which are of exactly the type `item` and not null.
pub(super) fn encode_list(item: ScalarType, items: &ArrayRef) -> Vec<u8> {
    dispatch_scalar!(item, T => {
        let values = T::array(items);
        let stored = (0..values.len()).map(|index| T::stored(T::get(values, index)));
        match T::FIXED_BYTES {
            None => encode_variable_list(stored),
            Some(width) => {
                let mut out = Vec::with_capacity(width * values.len());
                stored.for_each(|value| out.extend_from_slice(value.as_ref()));
                out
            }
        }
    })
}

fn encode_variable_list<B: AsRef<[u8]>>(items: impl ExactSizeIterator<Item = B> + Clone) -> Vec<u8> {
    let mut out = (items.len() as u32).to_le_bytes().to_vec();
    let mut end = 0u32;
    for item in items.clone() {
        end += item.as_ref().len() as u32;
        out.extend_from_slice(&end.to_le_bytes());
    }
    items.for_each(|item| out.extend_from_slice(item.as_ref()));
    out
}
