//! The number of different hashes behind registers.

/// About the number of different hashes, from the greatest rank in each register.
///
/// It is the estimator of Otmar Ertl ("New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm
/// 6): good at every size, and made of sums, products and square roots, which are the same on every platform.
pub(crate) fn estimate(registers: &[u8], last_rank: u8) -> f64 {
    let mut histogram = [0u32; u8::MAX as usize + 1];
    registers.iter().for_each(|rank| histogram[usize::from(*rank)] += 1);
    let (count, last) = (registers.len() as f64, usize::from(last_rank));
    let part = |rank: usize| f64::from(histogram[rank]) / count;
    let mut sum = count * tau(1.0 - part(last));
    for rank in (1..last).rev() {
        sum = 0.5 * (sum + f64::from(histogram[rank]));
    }
    sum += count * sigma(part(0));
    count * count / (2.0 * std::f64::consts::LN_2 * sum)
}

/// The part that registers add which are 0: `x` is the part of all that they are.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// The part that registers at the last rank add: `x` is the part of all that the others are.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
