//! Getis-Ord Gi\* with binary weights over a cell and its neighbours.

use crate::Neighbors;

/// The z score of each cell: (Σx − x̄ W) / (S √((n W − W²) / (n − 1))), with Σx over the cell and its neighbours, W
/// their number, x̄ and S the mean and the standard deviation (by n) of all n cells. None where it is not defined:
/// fewer than two cells, all counts equal, or a neighbourhood that is the whole study area.
///
/// # Panics
/// Where there are not as many counts as cells.
pub fn gi_star(counts: &[u64], neighbors: &Neighbors) -> Vec<Option<f64>> {
    z_scores(counts, neighbors)
}

/// [`gi_star`] of counts as narrow as they are kept.
pub(crate) fn z_scores<C: Copy + Into<u64>>(counts: &[C], neighbors: &Neighbors) -> Vec<Option<f64>> {
    assert_eq!(counts.len(), neighbors.len(), "one count a cell");
    let n = counts.len();
    let wide = |count: C| u128::from(count.into());
    let sum: u128 = counts.iter().map(|count| wide(*count)).sum();
    let squares: u128 = counts.iter().map(|count| wide(*count) * wide(*count)).sum();
    // n Σx² − (Σx)² is n² S², and exact: it is zero only where all counts are equal.
    let spread = squares * n as u128 - sum * sum;
    if n < 2 || spread == 0 {
        return vec![None; n];
    }
    let (cells, total) = (n as f64, sum as f64);
    let deviation = (spread as f64).sqrt() / cells;
    (0..n)
        .map(|cell| {
            let around = neighbors.of(cell);
            let weight = (around.len() + 1) as f64;
            if around.len() + 1 >= n {
                return None;
            }
            let local: u128 =
                wide(counts[cell]) + around.iter().map(|other| wide(counts[*other as usize])).sum::<u128>();
            let excess = local as f64 - total / cells * weight;
            Some(excess / (deviation * ((cells * weight - weight * weight) / (cells - 1.0)).sqrt()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn within(points: &[(f64, f64)], distance: f64) -> Neighbors {
        let near = |a: &(f64, f64), b: &(f64, f64)| (a.0 - b.0).hypot(a.1 - b.1) <= distance;
        Neighbors::new(points.iter().enumerate().map(|(cell, point)| {
            let others = points.iter().enumerate().filter(move |(other, _)| *other != cell);
            others.filter(|(_, other)| near(point, other)).map(|(other, _)| other as u32).collect()
        }))
    }

    /// The six points of the field's reference implementation, counts scaled to whole numbers (z does not change).
    #[test]
    fn six_points() {
        let points = [(10.0, 10.0), (20.0, 10.0), (40.0, 10.0), (15.0, 20.0), (30.0, 20.0), (30.0, 30.0)];
        let expect = [-1.397_276_26, -0.289_177_62, 0.650_649_64, -0.289_177_62, 1.234_520_88, 2.024_243_31];
        let z = gi_star(&[20, 30, 32, 50, 80, 70], &within(&points, 15.0));
        for (z, expect) in z.into_iter().zip(expect) {
            assert!(z.is_some_and(|z| (z - expect).abs() < 1e-8), "{z:?} {expect}");
        }
    }

    #[test]
    fn what_has_no_answer_has_none() {
        let alone = Neighbors::new([Vec::new()]);
        assert_eq!(gi_star(&[], &Neighbors::new([])), []);
        assert_eq!(gi_star(&[5], &alone), [None]);
        let pair = Neighbors::new([vec![1], vec![0]]);
        assert_eq!(gi_star(&[5, 5], &pair), [None, None]);
        assert_eq!(gi_star(&[5, 6], &pair), [None, None]);
        let three = Neighbors::new([vec![1], vec![0], Vec::new()]);
        assert!(gi_star(&[5, 6, 0], &three).iter().all(|z| z.is_some_and(f64::is_finite)));
        assert_eq!(gi_star(&[0, 0, 0], &three), [None; 3]);
    }

    proptest! {
        /// Against the formula written out with a dense matrix of weights.
        #[test]
        fn is_the_formula(
            counts in prop::collection::vec(0_u64..1000, 2..40),
            links in prop::collection::vec((0_usize..40, 0_usize..40), 0..80),
        ) {
            let n = counts.len();
            let mut weights = vec![vec![0.0; n]; n];
            for (cell, row) in weights.iter_mut().enumerate() {
                row[cell] = 1.0;
            }
            for (a, b) in links.into_iter().filter(|(a, b)| *a < n && *b < n) {
                weights[a][b] = 1.0;
                weights[b][a] = 1.0;
            }
            let neighbors = Neighbors::new((0..n).map(|a| {
                (0..n as u32).filter(|b| *b as usize != a && weights[a][*b as usize] > 0.0).collect()
            }));
            let x: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
            let mean = x.iter().sum::<f64>() / n as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
            for (cell, z) in gi_star(&counts, &neighbors).into_iter().enumerate() {
                let sum_w: f64 = weights[cell].iter().sum();
                let sum_w2: f64 = weights[cell].iter().map(|w| w * w).sum();
                let local: f64 = weights[cell].iter().zip(&x).map(|(w, x)| w * x).sum();
                let under = (n as f64 * sum_w2 - sum_w * sum_w) / (n as f64 - 1.0);
                match z {
                    Some(z) => {
                        let expect = (local - mean * sum_w) / (variance.sqrt() * under.sqrt());
                        prop_assert!((z - expect).abs() < 1e-9 * (1.0 + expect.abs()), "{z} {expect}");
                    }
                    None => prop_assert!(variance < 1e-9 || under <= 0.0),
                }
            }
        }
    }
}
