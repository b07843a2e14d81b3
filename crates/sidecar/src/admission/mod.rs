//! Admission: what both doors do before and after the work of a request, once for all of them. The role is checked, a
//! place is taken, limits are asked, a panic is caught, and everything is counted, as the table of operations says.

mod answer;
mod caller;
mod places;
mod request;

pub(crate) use self::answer::Answer;
pub(crate) use self::caller::Caller;
pub(crate) use self::places::{DoorName, InFlight, Turn};
pub(crate) use self::request::{Admission, DoorError, Request, panicked};
