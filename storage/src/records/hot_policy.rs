//! The record of a view's place in the hot table, within those of views.

use super::codec::{Decode, Encode};
use crate::error::{Error, Result};
use crate::hot_policy::HotPolicy;

/// 0 auto, 1 pin, 2 never.
#[derive(Encode, Decode)]
pub(crate) struct HotRecordV1(u8);

impl From<HotPolicy> for HotRecordV1 {
    fn from(policy: HotPolicy) -> Self {
        HotRecordV1(match policy {
            HotPolicy::Auto => 0,
            HotPolicy::Pin => 1,
            HotPolicy::Never => 2,
        })
    }
}

impl TryFrom<HotRecordV1> for HotPolicy {
    type Error = Error;

    fn try_from(record: HotRecordV1) -> Result<Self> {
        match record.0 {
            0 => Ok(HotPolicy::Auto),
            1 => Ok(HotPolicy::Pin),
            2 => Ok(HotPolicy::Never),
            number => Err(Error::corrupt(format!("a place in the hot table that is not known: {number}"))),
        }
    }
}
