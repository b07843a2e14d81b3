//! The bytes of a freshness history, as its file has them.
//!
//! Little-endian: `u32` number of looks, and the time of each (`i64` microseconds); `u32` number of views; and of each
//! view `u32` bytes of its name, the name, and for each look `u32` seconds of age, `u16` share that is stale in
//! ten-thousandths, and `u8` status, with the greatest number of each for nothing.

use std::collections::{BTreeMap, VecDeque};

use asofdb::Timestamp;

use super::freshness_history::{LOOKS_MAX, Look, State, VIEWS_MAX};

/// Bytes of a look.
const LOOK_BYTES: usize = 7;

/// Most bytes of the name of a view, about, as definitions bound them.
const NAME_BYTES_MAX: usize = 4 << 10;

/// Most bytes of a history.
pub(super) const BYTES_MAX: u64 =
    (8 + 8 * LOOKS_MAX + VIEWS_MAX * (4 + NAME_BYTES_MAX + LOOK_BYTES * LOOKS_MAX)) as u64;

/// The bytes of a history.
pub(super) fn encode(state: &State) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + state.looks.len() * (8 + LOOK_BYTES * state.views.len()));
    let number = |out: &mut Vec<u8>, number: usize| out.extend_from_slice(&(number as u32).to_le_bytes());
    number(&mut out, state.looks.len());
    state.looks.iter().for_each(|at| out.extend_from_slice(&at.as_micros().to_le_bytes()));
    number(&mut out, state.views.len());
    for (view, series) in &state.views {
        number(&mut out, view.len());
        out.extend_from_slice(view.as_bytes());
        for look in series {
            out.extend_from_slice(&look.age_seconds.to_le_bytes());
            out.extend_from_slice(&look.stale_share.to_le_bytes());
            out.push(look.status);
        }
    }
    out
}

/// Reads a history; `None` for bytes that are none.
pub(super) fn decode(bytes: &[u8]) -> Option<State> {
    let mut rest = Rest(bytes);
    let looks = rest.number().filter(|looks| *looks <= LOOKS_MAX)?;
    let times = (0..looks).map(|_| Some(Timestamp::from_micros(i64::from_le_bytes(rest.take()?))));
    let times: VecDeque<_> = times.collect::<Option<_>>()?;
    let mut views = BTreeMap::new();
    for _ in 0..rest.number().filter(|views| *views <= VIEWS_MAX)? {
        let name_bytes = rest.number()?;
        let name = std::str::from_utf8(rest.bytes(name_bytes)?).ok()?.to_owned();
        let series = (0..looks).map(|_| {
            let age_seconds = u32::from_le_bytes(rest.take()?);
            let stale_share = u16::from_le_bytes(rest.take()?);
            let [status] = rest.take()?;
            Some(Look { age_seconds, stale_share, status })
        });
        let series = series.collect::<Option<_>>()?;
        views.insert(name, series);
    }
    let is_ascending = times.iter().zip(times.iter().skip(1)).all(|(one, next)| one < next);
    (rest.0.is_empty() && is_ascending).then_some(State { looks: times, views })
}

/// Bytes that are still to be read.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn bytes(&mut self, count: usize) -> Option<&'b [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn number(&mut self) -> Option<usize> {
        Some(u32::from_le_bytes(self.take()?) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let at = |micros| Timestamp::from_micros(micros);
        let look = |age_seconds| Look { age_seconds, stale_share: 7, status: 2 };
        let views = [("a", vec![look(5), look(6)]), ("é", vec![Look::NOTHING, look(1)])];
        let views = views.into_iter().map(|(name, series)| (name.to_owned(), series.into()));
        State { looks: [at(-3), at(9)].into(), views: views.collect() }
    }

    #[test]
    fn a_history_has_these_bytes_and_comes_back() {
        let bytes = encode(&state());
        let looks = [2_u32.to_le_bytes().to_vec(), (-3_i64).to_le_bytes().to_vec(), 9_i64.to_le_bytes().to_vec()];
        let name = |name: &str| [&(name.len() as u32).to_le_bytes()[..], name.as_bytes()].concat();
        let a = [name("a"), vec![5, 0, 0, 0, 7, 0, 2, 6, 0, 0, 0, 7, 0, 2]].concat();
        let e = [name("é"), vec![255; 7], vec![1, 0, 0, 0, 7, 0, 2]].concat();
        assert_eq!(bytes, [looks.concat(), 2_u32.to_le_bytes().to_vec(), a, e].concat());
        assert_eq!(encode(&decode(&bytes).unwrap()), bytes);
    }

    #[test]
    fn bytes_that_are_no_history_are_refused_without_making_room_for_what_they_say() {
        let bytes = encode(&state());
        (0..bytes.len()).for_each(|cut| assert!(decode(&bytes[..cut]).is_none(), "{cut}"));
        let longer = [bytes.as_slice(), &[0]].concat();
        let many_looks = u32::MAX.to_le_bytes().to_vec();
        let many_views = [0_u32.to_le_bytes(), u32::MAX.to_le_bytes()].concat();
        let mut backwards = bytes.clone();
        backwards[4..12].copy_from_slice(&10_i64.to_le_bytes());
        for wrong in [longer, many_looks, many_views, backwards] {
            assert!(decode(&wrong).is_none());
        }
    }
}
