//! The record of a life cycle, within those of views and services.

use super::codec::{Decode, Encode};
use crate::date::Date;
use crate::error::{Error, Result};
use crate::life_cycle::{LifeCycle, Stage};

#[derive(Encode, Decode)]
pub(crate) struct LifeRecordV1 {
    /// 0: nobody has said; then the stages in the order of a life.
    status: u8,
    replaced_by: Option<String>,
    /// Days since 1970-01-01.
    drop_after: Option<i32>,
}

impl From<&LifeCycle> for LifeRecordV1 {
    fn from(life: &LifeCycle) -> Self {
        let status = match life.status {
            None => 0,
            Some(Stage::Experimental) => 1,
            Some(Stage::Production) => 2,
            Some(Stage::Deprecated) => 3,
        };
        LifeRecordV1 { status, replaced_by: life.replaced_by.clone(), drop_after: life.drop_after.map(Date::as_days) }
    }
}

impl TryFrom<LifeRecordV1> for LifeCycle {
    type Error = Error;

    fn try_from(record: LifeRecordV1) -> Result<Self> {
        let status = match record.status {
            0 => None,
            number => match Stage::ALL.get(usize::from(number) - 1) {
                Some(stage) => Some(*stage),
                None => return Err(Error::corrupt(format!("a status that is not known: {number}"))),
            },
        };
        let day = |days| Date::from_days(days).ok_or_else(|| Error::corrupt(format!("no day of a calendar: {days}")));
        let drop_after = record.drop_after.map(day).transpose()?;
        Ok(LifeCycle { status, replaced_by: record.replaced_by, drop_after })
    }
}
