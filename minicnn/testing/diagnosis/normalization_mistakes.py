"""The usual mistakes in the backward pass of a normalisation, in words; normalization.py tries
them.
"""

from minicnn.testing.diagnosis.mistake import Mistake

WHOLE = "dx = inv_std * (dx_hat - mean(dx_hat) - x_hat * mean(dx_hat * x_hat))"
MEAN_TERM = Mistake(
    "mean term missing",
    "lacks the term of the mean",
    "subtract the mean of dx_hat: the mean depends on x, " + WHOLE,
)
VARIANCE_TERM = Mistake(
    "variance term missing",
    "lacks the term of the variance",
    "subtract x_hat * mean(dx_hat * x_hat): the variance depends on x, " + WHOLE,
)
CONSTANT_STATISTICS = Mistake(
    "statistics taken for constants",
    "lacks the terms of mean and variance",
    "both depend on x, " + WHOLE,
)
SUMS = Mistake(
    "sum instead of mean in a normalisation",
    "has a sum in the place of {}",
    "divide it by M, the number of values that the statistics are of",
)
HALF_VARIANCE = Mistake(
    "variance term halved",
    "has half the term of the variance",
    "the derivative of (x - mean)^2 is 2 (x - mean)",
)
VARIANCE_SIGN = Mistake("a term's wrong sign", "has the {} term with a wrong sign", "subtract it")
UNBIASED = Mistake(
    "M - 1 for M",
    "divides by M - 1",
    "divide by M: forward's variance is the biased one",
)
CENTRED_ONLY = Mistake(
    "x_hat not normalised",
    "has {} in the place of x_hat in the term of the variance",
    "keep x_hat in the cache",
)
OVERWRITTEN = Mistake(
    "cache overwritten by y",
    "is right for an x_hat that gamma and beta have overwritten",
    "scale and shift a copy: the cache holds a view of what *= and += write to",
)
NO_STD = Mistake(
    "1/std missing", "is what is right times the standard deviation", "multiply by inv_std"
)
VARIANCE_FOR_STD = Mistake(
    "variance for standard deviation",
    "is divided by the standard deviation twice",
    "divide by sqrt(variance + epsilon), once",
)
NO_EPSILON = Mistake(
    "epsilon missing", "has a standard deviation without epsilon", "use forward's inv_std"
)
GAMMA_MISSING = Mistake("gamma missing", "lacks the factor gamma", "dx_hat = dy * gamma")
GAMMA_OUTSIDE = Mistake(
    "gamma outside of the means",
    "is multiplied by gamma at the end",
    "dx_hat = dy * gamma first, for gamma differs along the axes of the means",
)
MOVING_STATISTICS = Mistake(
    "moving statistics in backward",
    "is divided by the moving standard deviation",
    "use the batch's own, which forward used",
)
WRONG_AXES = Mistake(
    "means over wrong axes",
    "has its means over {}",
    "take them over the same axes",
)
GAMMA_OF_X = Mistake("dgamma of x", "is the sum of dy * x", "sum dy * x_hat")
GAMMA_OF_CENTRED = Mistake(
    "dgamma of x - mean", "is the sum of dy * (x - mean)", "sum dy * x_hat, which is divided by std"
)
GAMMA_OF_Y = Mistake(
    "dgamma of y",
    "is the sum of dy * y",
    "sum dy * x_hat: gamma and beta have overwritten what the cache holds a view of",
)
GAMMA_OF_DY = Mistake("dgamma without x_hat", "is the sum of dy", "sum dy * x_hat")
BETA_OF_X_HAT = Mistake("dbeta with x_hat", "is the sum of dy * x_hat", "sum dy alone")
