package dev.offramp.runtime.attach;

/**
 * A linear softmax head for raw features, with standardisation and temperature folded in.
 *
 * @param weight shape [classes][d]
 * @param bias shape [classes]
 * @param temperature what the logits were divided by
 * @param iterations steps up to the parameters kept
 * @param validationLoss cross-entropy towards the targets on the validation part, in nats
 * @param validationAgreement share of the validation part whose likeliest class is the target's
 */
public record TrainedHead(
    float[][] weight,
    float[] bias,
    double temperature,
    int iterations,
    double validationLoss,
    double validationAgreement) {}
