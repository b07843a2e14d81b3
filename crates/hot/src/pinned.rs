//! Rows that are pinned: what they take of a shard, and who makes room for whom.

use crate::layout::Layout;
use crate::record::Head;

/// The part of a shard that pinned rows may take, in quarters.
const QUARTERS_MAX: usize = 3;

/// The account of the pinned rows of a shard.
///
/// Within their part they make no room for others. When they take more, only they make room: so pinned rows of more than
/// the table neither leave it to others nor take all of it.
#[derive(Debug)]
pub(crate) struct Pinned {
    words: usize,
    words_max: usize,
    pub(crate) rows: u64,
}

impl Pinned {
    pub(crate) fn new(layout: &Layout) -> Self {
        Pinned { words: 0, words_max: (layout.small + layout.main) / 4 * QUARTERS_MAX, rows: 0 }
    }

    /// Words of records that are pinned and that somebody finds.
    pub(crate) fn words(&self) -> usize {
        self.words
    }

    /// Returns whether pinned rows take more than their part, with this record where one is to come.
    pub(crate) fn is_over(&self, coming: Option<&Head>) -> bool {
        self.words + coming.filter(|head| head.is_pinned).map_or(0, |head| head.words) > self.words_max
    }

    /// Returns whether there is no room to speak of for others.
    pub(crate) fn is_full(&self) -> bool {
        self.words >= self.words_max - self.words_max / 16
    }

    /// Notes a record that has come.
    pub(crate) fn add(&mut self, head: &Head) {
        if head.is_pinned {
            self.words += head.words;
            self.rows += 1;
        }
    }

    /// Notes a record that has gone.
    pub(crate) fn remove(&mut self, head: &Head) {
        if head.is_pinned {
            self.words -= head.words;
            self.rows -= 1;
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::{Hot, Looked, Row, Table};

    const PINNED: u32 = 1;
    const OTHER: u32 = 2;

    fn key_of(number: u64) -> [u8; 8] {
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()
    }

    /// Reads a row of a hundred bytes, and fills it in where it is not there; says whether it was.
    fn read(table: &Table, view: u32, number: u64) -> bool {
        let (key, mut looked) = (key_of(number), Looked::new());
        let row = Some(Row { version: [number as i64, 0], bytes: &[view as u8; 100] });
        table.look([(view, &key[..])].into_iter(), &mut looked);
        match looked.get(0) {
            Hot::Unknown if view == PINNED => table.fill_pinned(&looked, 0, (view, &key), row),
            Hot::Unknown => table.fill(&looked, 0, (view, &key), row),
            found => {
                assert_eq!(found, row.map_or(Hot::Absent, Hot::Row));
                return true;
            }
        }
        false
    }

    fn there(table: &Table, view: u32, numbers: impl Iterator<Item = u64>) -> usize {
        numbers.filter(|number| read(table, view, *number)).count()
    }

    #[test]
    fn pinned_rows_stay_whatever_others_are_read_and_how_often() {
        let table = Table::new(1 << 20);
        there(&table, PINNED, 0..1_000);
        for number in 0..60_000 {
            read(&table, OTHER, number / 4);
        }
        let counts = table.counts();
        assert!(counts.evictions > 5_000 && counts.pinned_rows == 1_000, "{counts:?}");
        assert_eq!(there(&table, PINNED, 0..1_000), 1_000);
    }

    #[test]
    fn pinned_rows_of_more_than_the_table_take_three_quarters_of_it_and_leave_the_rest() {
        let table = Table::new(1 << 20);
        let bytes = table.counts().bytes_max as f64;
        (0..4).for_each(|_| assert!(there(&table, OTHER, 0..1_000) <= 1_000));
        for turn in 0..10 {
            there(&table, PINNED, 0..20_000);
            let counts = table.counts();
            let part = counts.pinned_bytes as f64 / bytes;
            assert!(part < 0.75 && (turn == 0 || part > 0.5), "{part}: {counts:?}");
            let others = there(&table, OTHER, 0..1_000);
            assert!(others > 950, "{others} of 1000 in turn {turn}");
        }
    }

    #[test]
    fn pinned_rows_of_more_than_their_part_make_room_for_those_that_are_read_more() {
        let table = Table::new(1 << 20);
        there(&table, PINNED, 0..20_000);
        let often = || 100_000..100_500;
        (0..20).for_each(|turn| {
            there(&table, PINNED, often().chain(often()));
            there(&table, PINNED, 20_000 + turn * 300..20_000 + (turn + 1) * 300);
        });
        let found = there(&table, PINNED, often());
        assert!(found > 400, "{found} of 500");
    }

    #[test]
    fn a_write_adds_a_pinned_row_and_no_other_and_what_it_forgets_is_not_counted() {
        let (table, keys) = (Table::new(1 << 20), [key_of(1), key_of(2)]);
        let row = Row { version: [1, 1], bytes: b"row" };
        let write = |row: Option<Row<'_>>| {
            let changing = table.change([(PINNED, &keys[0][..]), (OTHER, &keys[1][..])].into_iter());
            if let Some(row) = row {
                changing.put_pinned((PINNED, &keys[0]), row);
                changing.put((OTHER, &keys[1]), row);
                changing.finish();
            }
        };
        let found = || {
            let mut looked = Looked::new();
            table.look([(PINNED, &keys[0][..]), (OTHER, &keys[1][..])].into_iter(), &mut looked);
            assert_eq!(looked.get(1), Hot::Unknown);
            match looked.get(0) {
                Hot::Row(row) => row.bytes.to_vec(),
                other => panic!("{other:?}"),
            }
        };
        write(Some(row));
        assert_eq!(found(), b"row");
        write(Some(Row { version: [2, 2], bytes: &[1; 90] }));
        assert_eq!((found(), table.counts().pinned_rows), (vec![1; 90], 1));
        write(None);
        let counts = table.counts();
        assert_eq!((counts.rows, counts.pinned_rows, counts.pinned_bytes), (0, 0, 0));
        write(Some(row));
        table.forget_views(&[PINNED]);
        write(Some(row));
        table.clear();
        let counts = table.counts();
        assert_eq!((counts.rows, counts.pinned_rows, counts.pinned_bytes), (0, 0, 0));
    }
}
