//! A weighted choice in one step: Walker's alias method (1977), built as Vose does (1991).

use std::hint::select_unpredictable;

/// Chooses among a few things by weight.
#[derive(Clone, Debug, Default)]
pub(super) struct Alias {
    slots: Vec<(u32, u32)>,
}

impl Alias {
    /// Weights of zero or more, at least one of them positive; where none is, all are alike.
    pub(super) fn new(weights: &[f64]) -> Self {
        let count = weights.len();
        let total: f64 = weights.iter().sum();
        let mut scaled: Vec<f64> = if total > 0.0 {
            weights.iter().map(|weight| weight * count as f64 / total).collect()
        } else {
            vec![1.0; count]
        };
        let mut slots: Vec<(u32, u32)> = (0..count as u32).map(|index| (u32::MAX, index)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..count).partition(|index| scaled[*index] < 1.0);
        while let (Some(less), Some(more)) = (small.pop(), large.last().copied()) {
            slots[less] = ((scaled[less] * 4_294_967_295.0) as u32, more as u32);
            scaled[more] -= 1.0 - scaled[less];
            if scaled[more] < 1.0 {
                large.pop();
                small.push(more);
            }
        }
        // What is left over is 1 but for rounding, unless its weight is nothing at all.
        Self { slots }
    }

    /// How many things there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The choice that 64 random bits make.
    #[inline]
    pub(super) fn choose(&self, bits: u64) -> usize {
        let index = (((bits >> 32) * self.slots.len() as u64) >> 32) as usize;
        let (threshold, other) = self.slots[index];
        select_unpredictable((bits as u32) < threshold, index, other as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::draws::{Draws, Purpose, key};

    #[test]
    fn chooses_by_weight() {
        let weights = [5.0, 0.0, 1.0, 0.5, 93.5];
        let alias = Alias::new(&weights);
        let mut draws = Draws::new(key(3, Purpose::Plan, 0), 0);
        let mut counts = [0_u32; 5];
        for _ in 0..200_000 {
            counts[alias.choose(draws.next())] += 1;
        }
        for (count, weight) in counts.iter().zip(weights) {
            let expect = weight * 2000.0;
            assert!((f64::from(*count) - expect).abs() <= 5.0 * expect.sqrt(), "{counts:?}");
        }
    }

    #[test]
    fn one_thing_is_always_chosen() {
        assert_eq!(Alias::new(&[3.0]).choose(u64::MAX), 0);
        assert_eq!(Alias::new(&[0.0, 0.0]).len(), 2);
    }
}
