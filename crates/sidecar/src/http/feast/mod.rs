//! The dialect of Feast's feature server, as its clients speak it.
//!
//! `docs/http.md` says where we differ and why: above all, what is expired or null says so.

mod columns;
mod get;
mod push;
mod value;
mod vector;

pub(super) use self::get::get_online_features;
pub(super) use self::push::{push, write_to_online_store};
