//! What a week usually holds: a smooth curve through the weekly totals of a category.
//!
//! A quasi-Poisson log-linear regression on level, trend and two yearly harmonics. Weeks count less the longer ago they are,
//! and less where they hold far more than the curve says, so that past outbreaks do not raise it. After Farrington,
//! Andrews, Beale and Catchpole 1996 and Noufaily et al. 2013, with harmonics instead of a factor by season and decaying weights
//! instead of a cut-off.

use libm::{cbrt, cos, exp, log, sin, sqrt};

/// Level, trend, and cosine and sine of two harmonics.
const TERMS: usize = 6;
/// Level alone: where there is less than two years, trend and season cannot be told apart.
const LEAST_WEEKS_OF_ALL_TERMS: usize = 104;
/// Prior standard deviations of trend (per year) and harmonics, on the log scale: what keeps a sparse series from
/// following its noise, and any matrix from being singular.
const PRIOR_DEVIATIONS: [f64; TERMS] = [f64::INFINITY, 0.3, 0.5, 0.5, 0.25, 0.25];
/// Standardized Anscombe residuals beyond it lose weight (Noufaily et al. 2013).
pub(crate) const OUTLYING: f64 = 2.58;
const REWEIGHTINGS: usize = 3;
const ITERATIONS: usize = 25;
/// A straight trend does not turn: what the last so many weeks hold beside the curve is carried on,
const DRIFT_WEEKS: usize = 26;
/// as far as their number outweighs so many incidents: a drift of 5 % is as likely as the noise of that many.
const PRIOR_INCIDENTS_OF_DRIFT: f64 = 400.0;
/// Of the linear predictor; exp of it stays finite, whatever the data.
const BOUND: f64 = 30.0;

type Row = [f64; TERMS];

/// The regressors and weights by weeks back: 0 is the week to predict, and those up to the gap are not learned from.
pub(crate) struct Design {
    rows: Vec<Row>,
    /// Zero where a week is not learned from.
    pub(crate) weights: Vec<f64>,
    /// The share of each week that is known.
    pub(crate) shares: Vec<f64>,
    /// Of all weights.
    pub(crate) weight_sum: f64,
    /// How many weeks of equal weight would say as much: (Σ w)² / Σ w².
    pub(crate) equal_weeks: f64,
    terms: usize,
}

impl Design {
    /// For `shares.len()` weeks, the current one included.
    pub(crate) fn new(
        shares: Vec<f64>,
        gap_weeks: usize,
        half_life_weeks: f64,
        year_days: f64,
        least_share: f64,
    ) -> Self {
        let decay = |ago: usize| exp(-std::f64::consts::LN_2 * ago as f64 / half_life_weeks);
        let learned = |ago: usize| ago > gap_weeks && shares[ago] >= least_share && shares[ago] > 0.0;
        let weights: Vec<f64> = (0..shares.len()).map(|ago| if learned(ago) { decay(ago) } else { 0.0 }).collect();
        let rows = (0..shares.len()).map(|ago| {
            let years = -(ago as f64) * 7.0 / year_days;
            let angle = 2.0 * std::f64::consts::PI * years;
            [1.0, years, cos(angle), sin(angle), cos(2.0 * angle), sin(2.0 * angle)]
        });
        let terms = if shares.len() > LEAST_WEEKS_OF_ALL_TERMS { TERMS } else { 1 };
        let weight_sum: f64 = weights.iter().sum();
        Self { rows: rows.collect(), equal_weeks: equal_weeks(&weights), weights, shares, weight_sum, terms }
    }

    /// How many weeks are learned from.
    pub(crate) fn learned_weeks(&self) -> usize {
        self.weights.iter().filter(|weight| **weight > 0.0).count()
    }
}

/// The curve.
pub(crate) struct WeeklyFit {
    /// By weeks back, of what is known of each week; the whole week's for the current one.
    pub(crate) means: Vec<f64>,
    /// The variance of the current mean's estimate, relative to its square.
    pub(crate) relative_variance: f64,
}

/// How much a week counts, given what it holds and what the curve says.
pub(crate) fn robust_weight(count: f64, mean: f64, dispersion: f64) -> f64 {
    // Anscombe's residual is never greater than Pearson's, which needs no cube root.
    let excess = count - mean;
    if excess <= 0.0 || excess * excess <= OUTLYING * OUTLYING * dispersion * mean {
        return 1.0;
    }
    let (root_count, root_mean) = (cbrt(count), cbrt(mean));
    let residual = 1.5 * (root_count * root_count - root_mean * root_mean) / (sqrt(root_mean) * sqrt(dispersion));
    if residual > OUTLYING { (OUTLYING / residual) * (OUTLYING / residual) } else { 1.0 }
}

/// Fits the curve to the counts by weeks back.
pub(crate) fn fit(counts: &[u64], design: &Design) -> WeeklyFit {
    let mut weights = design.weights.clone();
    let sum: f64 = weights.iter().zip(counts).map(|(weight, count)| weight * *count as f64).sum();
    let exposure: f64 = weights.iter().zip(&design.shares).map(|(weight, share)| weight * share).sum();
    if sum <= 0.0 {
        // Nothing, ever: half an incident, so that a first one is surprising but not impossible.
        let means = design.shares.iter().enumerate();
        let means = means.map(|(ago, share)| 0.5 / exposure.max(1.0) * if ago == 0 { 1.0 } else { *share });
        return WeeklyFit { means: means.collect(), relative_variance: 2.0 };
    }
    let mut beta = [0.0; TERMS];
    beta[0] = log(sum / exposure);
    let mut dispersion = 1.0;
    let mut means = vec![0.0; counts.len()];
    let mut relative_variance = 0.0;
    for round in 0..=REWEIGHTINGS {
        if round > 0 {
            let before = weights.clone();
            for (ago, weight) in weights.iter_mut().enumerate().filter(|(_, weight)| **weight > 0.0) {
                *weight = design.weights[ago] * robust_weight(counts[ago] as f64, means[ago], dispersion);
            }
            if weights == before {
                break;
            }
        }
        // Between the first and the last, weights and curve approach each other step by step.
        let iterations = if round == 0 || round == REWEIGHTINGS { ITERATIONS } else { 1 };
        relative_variance = iterate(counts, design, &weights, dispersion, &mut beta, iterations);
        for (ago, mean) in means.iter_mut().enumerate() {
            let share = if ago == 0 { 1.0 } else { design.shares[ago] };
            *mean = share * exp(predictor(&design.rows[ago], &beta, design.terms));
        }
        dispersion = dispersion_of(counts, &means, &weights, design.terms);
    }
    let drift_variance = carry_drift(counts, design, &mut means, &weights) * dispersion;
    WeeklyFit { means, relative_variance: relative_variance * dispersion + drift_variance }
}

/// Multiplies what is expected of the weeks that are not learned from by what the newest learned ones hold beside the
/// curve. Returns the factor's variance at dispersion 1.
fn carry_drift(counts: &[u64], design: &Design, means: &mut [f64], weights: &[f64]) -> f64 {
    let Some(first) = weights.iter().position(|weight| *weight > 0.0) else { return 0.0 };
    let last = (first + DRIFT_WEEKS).min(weights.len());
    let (mut held, mut expected) = (0.0, 0.0);
    for ago in first..last {
        if design.weights[ago] <= 0.0 {
            continue;
        }
        // Half a year counts evenly, but for outbreaks.
        let weight = weights[ago] / design.weights[ago];
        held += weight * counts[ago] as f64;
        expected += weight * means[ago];
    }
    let known = expected + PRIOR_INCIDENTS_OF_DRIFT;
    let factor = (held + PRIOR_INCIDENTS_OF_DRIFT) / known;
    means[..first].iter_mut().for_each(|mean| *mean *= factor);
    expected / (known * known)
}

fn equal_weeks(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

/// Σ w (y − μ)² / Σ w μ, corrected for the terms that were fitted; at least 1.
fn dispersion_of(counts: &[u64], means: &[f64], weights: &[f64], terms: usize) -> f64 {
    let (mut squares, mut expected) = (0.0, 0.0);
    for ((count, mean), weight) in counts.iter().zip(means).zip(weights) {
        let residual = *count as f64 - mean;
        squares += weight * residual * residual;
        expected += weight * mean;
    }
    let (weeks, terms) = (equal_weeks(weights), terms as f64);
    if weeks <= terms || expected <= 0.0 {
        return 1.0;
    }
    (squares / expected * weeks / (weeks - terms)).max(1.0)
}

fn predictor(row: &Row, beta: &Row, terms: usize) -> f64 {
    let sum: f64 = row[..terms].iter().zip(beta).map(|(x, beta)| x * beta).sum();
    sum.clamp(-BOUND, BOUND)
}

/// Fisher's scoring until nothing moves. Returns the variance of the current week's predictor at dispersion 1.
fn iterate(
    counts: &[u64],
    design: &Design,
    weights: &[f64],
    dispersion: f64,
    beta: &mut Row,
    iterations: usize,
) -> f64 {
    let terms = design.terms;
    let mut variance = 0.0;
    for _ in 0..iterations {
        let mut information = [[0.0; TERMS]; TERMS];
        let mut score = [0.0; TERMS];
        for term in 1..terms {
            let precision = dispersion / (PRIOR_DEVIATIONS[term] * PRIOR_DEVIATIONS[term]);
            information[term][term] = precision;
            score[term] = -precision * beta[term];
        }
        for (ago, row) in design.rows.iter().enumerate().filter(|(ago, _)| weights[*ago] > 0.0) {
            let mean = design.shares[ago] * exp(predictor(row, beta, terms));
            let weighted = weights[ago] * mean;
            let residual = weights[ago] * (counts[ago] as f64 - mean);
            for i in 0..terms {
                score[i] += row[i] * residual;
                let x = row[i] * weighted;
                for j in 0..=i {
                    information[i][j] += x * row[j];
                }
            }
        }
        let Some(factor) = cholesky(&information, terms) else { break };
        let step = solve(&factor, &score, terms);
        let half = forward(&factor, &design.rows[0], terms);
        variance = half.iter().map(|x| x * x).sum();
        let greatest = step.iter().fold(0.0_f64, |greatest, x| greatest.max(x.abs()));
        // A step as long as this leaves where the approximation holds.
        let scale = if greatest > 2.0 { 2.0 / greatest } else { 1.0 };
        for (beta, step) in beta.iter_mut().zip(&step) {
            *beta = (*beta + scale * step).clamp(-BOUND, BOUND);
        }
        // The error after a step is of the order of its square.
        if greatest < 1e-5 {
            break;
        }
    }
    variance
}

/// The lower factor of a symmetric positive matrix given by its lower half; none where it is not positive.
fn cholesky(matrix: &[Row; TERMS], terms: usize) -> Option<[Row; TERMS]> {
    let mut factor = [[0.0; TERMS]; TERMS];
    for i in 0..terms {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| factor[i][k] * factor[j][k]).sum();
            let rest = matrix[i][j] - known;
            factor[i][j] = if i == j {
                if rest.is_nan() || rest <= 0.0 {
                    return None;
                }
                sqrt(rest)
            } else {
                rest / factor[j][j]
            };
        }
    }
    Some(factor)
}

fn forward(factor: &[Row; TERMS], right: &Row, terms: usize) -> Row {
    let mut solution = [0.0; TERMS];
    for i in 0..terms {
        let known: f64 = (0..i).map(|k| factor[i][k] * solution[k]).sum();
        solution[i] = (right[i] - known) / factor[i][i];
    }
    solution
}

fn solve(factor: &[Row; TERMS], right: &Row, terms: usize) -> Row {
    let mut solution = forward(factor, right, terms);
    for i in (0..terms).rev() {
        let known: f64 = (i + 1..terms).map(|k| factor[k][i] * solution[k]).sum();
        solution[i] = (solution[i] - known) / factor[i][i];
    }
    solution
}
