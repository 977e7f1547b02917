# The comparators of peaks.py, from R's package `surveillance`: Farrington Flexible and EARS C1, C2, C3.
#
#   Rscript peaks.R FOLDER
#
# FOLDER holds `quiet.csv` and `outbreak.csv` (a row a series, a column a week, from the first week) and `weeks.csv`
# (the weeks of each series at which to score, counted from 1). Written is `peers.csv`: per series and week a score of each
# method on both series; the greater, the more surprising.
#
# Farrington Flexible leaves the 26 weeks before the scored one out of its fit, and no outbreak here lasts as long: the
# fit is the same for both series, and is made once. What it is made of (the linear predictor, its standard error, the
# dispersion) is read where the package itself turns them into a threshold.

suppressPackageStartupMessages(library(surveillance))

folder <- commandArgs(trailingOnly = TRUE)[1]
quiet <- unname(as.matrix(read.csv(file.path(folder, "quiet.csv"), header = FALSE)))
outbreak <- unname(as.matrix(read.csv(file.path(folder, "outbreak.csv"), header = FALSE)))
weeks <- unname(as.matrix(read.csv(file.path(folder, "weeks.csv"), header = FALSE)))

seen <- NULL
threshold <- surveillance:::algo.farrington.threshold.noufaily
assignInNamespace("algo.farrington.threshold.noufaily", function(predFit, predSeFit, phi, ...) {
  seen <<- c(predFit, predSeFit, phi)
  threshold(predFit = predFit, predSeFit = predSeFit, phi = phi, ...)
}, ns = "surveillance")

alpha <- 0.01
settings <- list(
  b = 5, w = 3, reweight = TRUE, weightsThreshold = 2.58, verbose = FALSE, glmWarnings = FALSE, alpha = alpha,
  trend = TRUE, pThresholdTrend = 0.05, limit54 = c(0, 4), powertrans = "2/3", noPeriods = 10,
  pastWeeksNotIncluded = 26, thresholdMethod = "nbPlugin"
)

# The linear predictor, its standard error and the dispersion; NA where the model did not converge.
farrington <- function(counts, week) {
  seen <<- c(NA, NA, NA)
  suppressWarnings(try(
    farringtonFlexible(sts(counts, frequency = 52, start = c(2000, 1)), c(settings, list(range = week))),
    silent = TRUE
  ))
  seen
}

# -log10 of the probability of at least so many, as the package computes it. No fit, no alarm.
surprise <- function(count, mean, dispersion) {
  p <- ifelse(
    dispersion > 1,
    pnbinom(count - 1, size = mean / pmax(dispersion - 1, 1e-300), prob = 1 / dispersion, lower.tail = FALSE, log.p = TRUE),
    ppois(count - 1, mean, lower.tail = FALSE, log.p = TRUE)
  )
  ifelse(is.na(p), 0, -p / log(10))
}

# How many standard deviations above the mean of the baseline: where the upper bound, which is linear in the
# quantile, would be equal to the count.
ears <- function(counts, method) {
  range <- 576:ncol(counts)
  bound <- function(quantile) {
    result <- earsC(sts(t(counts)), list(method = method, range = range, alpha = 1 - pnorm(quantile)))
    upperbound(result)[seq_along(range), , drop = FALSE]
  }
  at_zero <- bound(0)
  deviation <- bound(1) - at_zero
  excess <- t(counts[, range]) - at_zero
  score <- ifelse(deviation > 1e-9, excess / deviation, ifelse(excess > 1e-9, Inf, -Inf))
  matrix(score, nrow = length(range))
}

fits <- array(NA, c(nrow(weeks), ncol(weeks), 3))
for (series in seq_len(nrow(weeks))) {
  for (column in seq_len(ncol(weeks))) {
    fits[series, column, ] <- farrington(quiet[series, ], weeks[series, column])
  }
}

long <- data.frame(series = rep(seq_len(nrow(weeks)), ncol(weeks)), week = as.vector(weeks))
position <- cbind(long$series, long$week)
eta <- as.vector(fits[, , 1])
error <- as.vector(fits[, , 2])
dispersion <- as.vector(fits[, , 3])
upper <- exp(qnorm(1 - alpha, mean = eta, sd = error))
for (name in c("quiet", "outbreak")) {
  counts <- get(name)
  long[[paste0("farrington_nb_", name)]] <- surprise(counts[position], exp(eta), dispersion)
  long[[paste0("farrington_muan_", name)]] <- surprise(counts[position], upper, dispersion)
  for (method in c("C1", "C2", "C3")) {
    scores <- ears(counts, method)
    long[[paste0("ears_", tolower(method), "_", name)]] <- scores[cbind(long$week - 575, long$series)]
  }
}
long$farrington_mean <- exp(eta)
long$farrington_dispersion <- dispersion
write.csv(long, file.path(folder, "peers.csv.part"), row.names = FALSE)
invisible(file.rename(file.path(folder, "peers.csv.part"), file.path(folder, "peers.csv")))
