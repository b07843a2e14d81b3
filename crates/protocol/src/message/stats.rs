//! Figures about a store and its consumers.

use asofdb::Stats;
use asofdb::storage::HotStats;

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
}

impl From<HotStats> for HotStatsMessage {
    fn from(stats: HotStats) -> Self {
        let HotStats { hits, misses, fills, evictions, rows, bytes, bytes_max } = stats;
        HotStatsMessage { hits, misses, fills, evictions, rows, bytes, bytes_max }
    }
}

impl From<HotStatsMessage> for HotStats {
    fn from(message: HotStatsMessage) -> Self {
        let HotStatsMessage { hits, misses, fills, evictions, rows, bytes, bytes_max } = message;
        HotStats { hits, misses, fills, evictions, rows, bytes, bytes_max }
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
        stats.hot = Some(HotStats { hits: 1, misses: 2, fills: 3, evictions: 4, rows: 5, bytes: 6, bytes_max: 7 });
        let bytes = encoded_message(&StatsMessage::new(stats.clone(), Vec::new())).unwrap();
        let figures = (1..=7u64).flat_map(u64::to_le_bytes).collect::<Vec<_>>();
        assert_eq!(bytes, [before, figures].concat());
        assert_eq!(decode_message::<StatsMessage>(&bytes).unwrap().into_stats(), stats);
    }
}
