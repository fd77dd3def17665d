"""How deep a model runs when prediction consistency is certified, as Offramp's ltt-hb does it."""

import math

import numpy
from scipy.stats import binom

LAMBDAS = numpy.linspace(1, 0, 201)


def hoeffding_bentkus(loss_sum, n, epsilon):
    """P-value of 'the mean risk exceeds epsilon' (Bates et al. 2021, theorem 8) for losses in [0, 1]."""
    mean = min(loss_sum / n, epsilon)
    divergence = ((mean * math.log(mean / epsilon) if mean else 0)
                  + (1 - mean) * math.log((1 - mean) / (1 - epsilon)))
    return min(math.exp(-n * divergence), math.e * binom.cdf(math.ceil(loss_sum), n, epsilon))


def paths(probabilities):
    """
    probabilities (exits, rows, classes) → for each lambda and row whether the exit taken differs
    from the last one, and the index of the exit taken; both (lambdas, rows).
    """
    predicted, confidence = probabilities.argmax(2), probabilities.max(2)
    last = len(probabilities) - 1
    loss, taken = [], []
    for threshold in LAMBDAS:
        leaves = confidence > threshold
        leaves[last] = True
        exit_index = leaves.argmax(0)
        if threshold == 1:
            exit_index[:] = last
        taken.append(exit_index)
        loss.append(predicted[exit_index, numpy.arange(len(exit_index))] != predicted[last])
    return numpy.array(loss), numpy.array(taken)


def certify(calibration, test, layers, epsilon, delta=0.1):
    """Fixed-sequence testing from lambda 1 down → (lambda, mean depth on test, risk on test, taken)."""
    loss, _ = paths(calibration)
    chosen = 0
    for k in range(1, len(LAMBDAS)):
        if hoeffding_bentkus(loss[k].sum(), loss.shape[1], epsilon) > delta:
            break
        chosen = k
    test_loss, taken = paths(test)
    depth = numpy.array(layers)[taken[chosen]].mean()
    return LAMBDAS[chosen], depth, test_loss[chosen].mean(), taken[chosen]
