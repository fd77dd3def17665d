package dev.offramp.runtime.attach;

/**
 * A linear softmax head for raw features, with standardisation and temperature folded in.
 *
 * @param weight shape [classes][d]
 * @param bias shape [classes]
 * @param heldOut samples of the validation part that training did not see; 0 where there were too
 *     few to spare any, so that the validation part is what was trained on
 * @param validationLoss cross-entropy towards the targets on the validation part, in nats
 * @param validationAgreement share of the validation part whose likeliest class is the target's
 */
public record TrainedHead(
    float[][] weight,
    float[] bias,
    int heldOut,
    double validationLoss,
    double validationAgreement) {}
