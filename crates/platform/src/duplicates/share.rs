//! Shares: how often something holds for two features of the same entities, and how often it would by chance.

/// Entities that something holds for, and what chance alone would give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    /// Of the entities that were compared, from 0 to 1.
    pub(super) share: f64,
    /// That share with values of other entities: flags that are nearly always false agree by that much already.
    pub(super) chance: f64,
    /// The number of entities that were compared.
    pub(super) of: usize,
}

/// Ways in which the values of one feature are turned against those of the other to see what chance gives. Entities
/// come in the order of a hash, so that a neighbour is any other.
const TURNS: usize = 5;

impl Share {
    /// Compares values of the same entities.
    pub(super) fn new<X: Copy, Y: Copy>(xs: &[X], ys: &[Y], holds: impl Fn(X, Y) -> bool) -> Self {
        let of = xs.len();
        let counted = |turn: usize| {
            let turned = ys[turn..].iter().chain(&ys[..turn]);
            xs.iter().zip(turned).filter(|(x, y)| holds(**x, **y)).count() as f64
        };
        let turned = turns(of).map(counted).sum::<f64>();
        let each = of.max(1) as f64;
        Share { share: counted(0) / each, chance: turned / each / TURNS as f64, of }
    }

    /// The part of the way that the share goes from what chance gives to all: 1 where it holds for all entities, 0 for
    /// what chance gives.
    pub(super) fn beyond_chance(&self) -> f64 {
        if self.chance < 1.0 { (self.share - self.chance) / (1.0 - self.chance) } else { 0.0 }
    }

    /// The number of entities for which it would not have held by chance: how much there is to go by.
    pub(super) fn told_by(&self) -> f64 {
        (1.0 - self.chance) * self.of as f64
    }
}

/// The places by which the values of one of two lists are turned.
pub(super) fn turns(of: usize) -> impl Iterator<Item = usize> {
    (1..=TURNS).map(move |part| of * part / (TURNS + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rare_tells_more_than_what_everybody_has() {
        // In the order of a hash, as samples are.
        let hashed = |entity: u64| entity.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let rare: Vec<bool> = (0..600).map(|entity| hashed(entity) % 50 == 0).collect();
        let other: Vec<bool> = (0..600).map(|entity| hashed(entity + 9_999) % 50 == 0).collect();
        let same = Share::new(&rare, &rare, |x, y| x == y);
        assert_eq!((same.share, same.beyond_chance()), (1.0, 1.0));
        let unlike = Share::new(&rare, &other, |x, y| x == y);
        assert!(unlike.share > 0.9 && unlike.beyond_chance().abs() < 0.1, "{unlike:?}");
        assert!(same.told_by() < 40.0, "{same:?}");
        let all = Share::new(&[1; 100], &[1; 100], |x, y| x == y);
        assert_eq!((all.beyond_chance(), all.told_by()), (0.0, 0.0), "constants tell nothing");
        assert_eq!(Share::new(&[0; 0], &[0; 0], |x, y| x == y).share, 0.0);
    }
}
