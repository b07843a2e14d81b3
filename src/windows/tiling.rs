//! The tiles that a fold can use: those of its view, and which parts of them are its partial results.

use std::fmt::Write;

use asofdb_storage::{Catalog, Error, FeatureView, Result};
use twox_hash::XxHash3_128;

use crate::windows::plan::{FoldPlan, PartialPlan};

/// The tiles of a window view, as one fold uses them.
#[derive(Debug)]
pub(crate) struct Tiling {
    /// The id of the window view.
    pub(super) windows: u32,
    /// The print of what the tiles have. Tiles of another were made for other definitions, or by another asofdb.
    pub(super) print: u128,
    /// The partial results that a tile has.
    pub(super) count: usize,
    /// The partial results of the fold that tiles have.
    pub(super) partials: Vec<usize>,
    /// Their places in tiles.
    pub(super) places: Vec<usize>,
}

impl Tiling {
    /// The tiles of `view` for some windows of it; `None` when none of their partial results is kept in tiles.
    ///
    /// # Errors
    /// As [`FoldPlan::of_tiles`].
    pub(crate) fn new(catalog: &Catalog, view: &FeatureView, fold: &FoldPlan) -> Result<Option<Self>> {
        let all = FoldPlan::of_tiles(catalog, view)?;
        let parts = parts(&all)?;
        let wanted = self::parts(fold)?;
        let place = |part: &String| parts.iter().position(|known| known == part);
        let (partials, places): (Vec<_>, Vec<_>) =
            wanted.iter().enumerate().filter_map(|(partial, part)| Some((partial, place(part)?))).unzip();
        let tiling = Tiling { windows: view.id, print: print(&parts), count: parts.len(), partials, places };
        Ok(Some(tiling).filter(|tiling| !tiling.places.is_empty()))
    }

    /// The tiles of a view for a fold of all that they have.
    ///
    /// # Errors
    /// As [`Tiling::new`].
    pub(super) fn of_all(view: &FeatureView, all: &FoldPlan) -> Result<Self> {
        let parts = parts(all)?;
        let all: Vec<_> = (0..parts.len()).collect();
        Ok(Tiling { windows: view.id, print: print(&parts), count: parts.len(), partials: all.clone(), places: all })
    }
}

impl Tiling {
    /// Returns whether tiles have all of so many partial results.
    pub(super) fn has_all(&self, partials: usize) -> bool {
        self.partials.len() == partials
    }

    /// Returns whether tiles have a partial result of the fold.
    pub(super) fn has(&self, partial: usize) -> bool {
        self.partials.binary_search(&partial).is_ok()
    }
}

/// The definition of each partial result. Columns are named by their ids, since a name may be given again.
fn parts(fold: &FoldPlan) -> Result<Vec<String>> {
    let of_partial = |partial: &PartialPlan| {
        let mut part = format!("{:?}", partial.shape());
        if let Some(of) = partial.of {
            let column = fold.from.feature(&fold.columns[of]);
            let column = column.ok_or_else(|| Error::internal("a column of a fold is not there"))?;
            let _ = write!(part, " of {:?} {}", column.id, column.ty);
        }
        for condition in partial.filter.into_iter().flat_map(|filter| &fold.filters[filter]) {
            let _ = write!(part, " where {}", fold.conditions[*condition].program.text());
        }
        Ok(part)
    };
    fold.partials.iter().map(of_partial).collect()
}

fn print(parts: &[String]) -> u128 {
    XxHash3_128::oneshot(parts.join("\n").as_bytes())
}
