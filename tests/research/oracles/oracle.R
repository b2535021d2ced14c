# Figures of R's `survival`: Rscript oracle.R CASES.csv FIGURES.csv
# CASES has case, t_s, answered, arm, stratum, kind; FIGURES gets case, what, at, value. NA is left out.
suppressPackageStartupMessages(library(survival))
files <- commandArgs(trailingOnly = TRUE)
cases <- read.csv(files[1])
out <- list()
tell <- function(case, what, at, value) {
  keep <- is.finite(value)
  if (any(keep)) out[[length(out) + 1]] <<- data.frame(case = case, what = what, at = at[keep], value = value[keep])
}
for (one in split(cases, cases$case)) {
  name <- one$case[1]
  fit <- survfit(Surv(t_s, answered) ~ 1, data = one, conf.type = "log-log")
  said <- summary(fit, times = fit$time)
  tell(name, "answered", said$time, 1 - said$surv)
  tell(name, "se", said$time, said$std.err)
  tell(name, "low", said$time, 1 - said$upper)
  tell(name, "high", said$time, 1 - said$lower)
  half <- quantile(fit, 0.5)
  for (part in c("quantile", "lower", "upper")) tell(name, paste0("median ", part), 0, unname(half[[part]]))
  horizon <- max(one$t_s) %/% 2
  if (horizon > 0) {
    mean <- summary(fit, rmean = horizon)$table
    tell(name, "restricted mean", horizon, unname(mean[grep("^\\*?rmean$", names(mean))]))
    tell(name, "restricted mean se", horizon, unname(mean[grep("se\\(rmean\\)", names(mean))]))
  }
  if (length(unique(one$arm)) > 1) for (rho in c(0, 0.5, 1)) {
    tell(name, paste("logrank", rho), 0, survdiff(Surv(t_s, answered) ~ arm, data = one, rho = rho)$chisq)
    within <- try(survdiff(Surv(t_s, answered) ~ arm + strata(stratum), data = one, rho = rho)$chisq, silent = TRUE)
    if (!inherits(within, "try-error")) tell(name, paste("stratified", rho), 0, within)
  }
  # Of competing ends it takes no wait of 0.
  ends <- survfit(Surv(t_s + 1, factor(kind, 0:3)) ~ 1, data = one)
  for (way in 1:3) {
    tell(name, paste("incidence", way), ends$time - 1, ends$pstate[, way + 1])
    tell(name, paste("incidence se", way), ends$time - 1, ends$std.err[, way + 1])
  }
}
found <- do.call(rbind, out)
found$value <- format(found$value, digits = 15, trim = TRUE)
write.csv(found, files[2], row.names = FALSE, quote = FALSE)
