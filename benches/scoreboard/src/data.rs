//! The data: every value follows from its entity, version and feature, so that any answer can be checked.

/// The first event, in microseconds since 1970: 2024-01-01.
pub const FIRST_EVENT: i64 = 1_704_067_200_000_000;
/// Microseconds of a day: there is a version a day.
pub const DAY: i64 = 86_400_000_000;
/// Bytes of a float.
pub const FLOAT: usize = size_of::<f32>();

/// A number from `seed` that looks random.
pub fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The value of a feature: three decimals, half of them the same in every version, as features are.
pub fn value(entity: u64, version: u64, feature: usize) -> f32 {
    let version = if feature.is_multiple_of(2) { 0 } else { version };
    (mix(entity << 20 ^ version << 10 ^ feature as u64) % 100_000) as f32 / 1_000.0
}

/// The event of a version, in microseconds since 1970.
pub fn event(version: u64) -> i64 {
    FIRST_EVENT + version as i64 * DAY
}

/// The features of a row of a view, in their order; views of an entity differ in their values.
pub fn row(entity: u64, version: u64, view: usize, features: usize) -> impl Iterator<Item = f32> {
    (0..features).map(move |feature| value(entity, version, view * features + feature))
}

/// Appends a row as little-endian floats, one after the other.
pub fn row_bytes(entity: u64, version: u64, view: usize, features: usize, out: &mut Vec<u8>) {
    row(entity, version, view, features).for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

/// Copies a row of little-endian floats to its place; `false`: it has another length.
pub fn decode(bytes: &[u8], out: &mut [f32]) -> bool {
    let (floats, rest) = bytes.as_chunks::<FLOAT>();
    if floats.len() != out.len() || !rest.is_empty() {
        return false;
    }
    out.iter_mut().zip(floats).for_each(|(out, bytes)| *out = f32::from_le_bytes(*bytes));
    true
}
