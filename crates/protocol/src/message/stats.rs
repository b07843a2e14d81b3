//! Figures about a store and its consumers.

use asofdb::Stats;
use asofdb::storage::{HotStats, Warming};

use super::{ConsumerMessage, StoreStatsMessage};
use crate::codec::{Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, Reader, impl_borrow_decode};

/// Figures about the store and its consumers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsMessage {
    /// Figures about the store.
    pub store: StoreStatsMessage,
    /// The reports of all consumers.
    pub consumers: Vec<ConsumerMessage>,
    /// Figures about the hot table. They travel only where there is one.
    hot: Option<HotStatsMessage>,
}

impl StatsMessage {
    /// The message of some figures.
    pub fn new(stats: Stats, consumers: Vec<ConsumerMessage>) -> Self {
        let hot = stats.hot.map(HotStatsMessage::from);
        StatsMessage { store: stats.into(), consumers, hot }
    }

    /// The figures about the store.
    pub fn into_stats(self) -> Stats {
        Stats { hot: self.hot.map(HotStats::from), ..self.store.into() }
    }
}

impl Encode for StatsMessage {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let StatsMessage { store, consumers, hot } = self;
        (store, consumers).encode(encoder)?;
        hot.as_ref().map_or(Ok(()), |hot| hot.encode(encoder))
    }
}

impl<C> Decode<C> for StatsMessage {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Ok(StatsMessage {
            store: Decode::decode(decoder)?,
            consumers: Decode::decode(decoder)?,
            hot: match decoder.reader().peek_read(1) {
                Some(_) => Some(Decode::decode(decoder)?),
                None => None,
            },
        })
    }
}

impl_borrow_decode!(StatsMessage);

/// Figures about the hot table.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct HotStatsMessage {
    hits: u64,
    misses: u64,
    fills: u64,
    evictions: u64,
    rows: u64,
    bytes: u64,
    bytes_max: u64,
    pinned_rows: u64,
    pinned_bytes: u64,
    is_warm: bool,
    rows_returned: u64,
    rows_wanted: u64,
}

impl From<HotStats> for HotStatsMessage {
    fn from(stats: HotStats) -> Self {
        HotStatsMessage {
            hits: stats.hits,
            misses: stats.misses,
            fills: stats.fills,
            evictions: stats.evictions,
            rows: stats.rows,
            bytes: stats.bytes,
            bytes_max: stats.bytes_max,
            pinned_rows: stats.pinned_rows,
            pinned_bytes: stats.pinned_bytes,
            is_warm: stats.warming.is_over,
            rows_returned: stats.warming.rows,
            rows_wanted: stats.warming.rows_wanted,
        }
    }
}

impl From<HotStatsMessage> for HotStats {
    fn from(message: HotStatsMessage) -> Self {
        HotStats {
            hits: message.hits,
            misses: message.misses,
            fills: message.fills,
            evictions: message.evictions,
            rows: message.rows,
            bytes: message.bytes,
            bytes_max: message.bytes_max,
            pinned_rows: message.pinned_rows,
            pinned_bytes: message.pinned_bytes,
            warming: Warming {
                is_over: message.is_warm,
                rows: message.rows_returned,
                rows_wanted: message.rows_wanted,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn figures_without_a_hot_table_have_the_bytes_that_they_always_had_and_its_figures_follow_them() {
        let mut stats = Stats { rows: 7, ..Stats::default() };
        let before = encoded_message(&StatsMessage::new(stats.clone(), Vec::new())).unwrap();
        assert_eq!(before, encoded_message(&(StoreStatsMessage::from(stats.clone()), Vec::<u64>::new())).unwrap());
        let warming = Warming { is_over: true, rows: 10, rows_wanted: 11 };
        let hot = HotStats {
            hits: 1,
            misses: 2,
            fills: 3,
            evictions: 4,
            rows: 5,
            bytes: 6,
            bytes_max: 7,
            ..HotStats::default()
        };
        stats.hot = Some(HotStats { pinned_rows: 8, pinned_bytes: 9, warming, ..hot });
        let bytes = encoded_message(&StatsMessage::new(stats.clone(), Vec::new())).unwrap();
        let figures = |numbers: std::ops::RangeInclusive<u64>| numbers.flat_map(u64::to_le_bytes).collect::<Vec<_>>();
        assert_eq!(bytes, [before, figures(1..=9), vec![1], figures(10..=11)].concat());
        assert_eq!(decode_message::<StatsMessage>(&bytes).unwrap().into_stats(), stats);
    }
}
