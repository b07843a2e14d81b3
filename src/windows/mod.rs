//! Windows: features that are folded from events when they are asked for.
//!
//! A [`FoldPlan`](plan::FoldPlan) says what the windows of one view need of its events; a [`Folder`](folder::Folder)
//! reads the events of an entity, newest first, and gives the values of all windows in one pass. A join, which asks
//! about an entity many times, reads its [events](entity::EntityEvents) once and [answers](answers::Answers) from them.

pub(crate) mod answers;
pub(crate) mod conditions;
pub(crate) mod entity;
pub(crate) mod fold_memory;
pub(crate) mod folder;
mod gathered;
pub(crate) mod plan;
mod seal;
pub(crate) mod sealer;
mod tile;
pub(crate) mod tiles;
pub(crate) mod tiling;
mod tree;
pub(crate) mod verify;
mod walk;
