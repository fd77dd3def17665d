package dev.offramp.calibrate;

/** How thresholds are accepted from calibration losses. */
public enum Method implements Named {
  /** Empirical risk at most epsilon (arXiv 2405.20915, Eq. 9). */
  NAIVE("naive", Family.NAIVE, null),

  /**
   * Conformal Risk Control (arXiv 2208.02814; arXiv 2405.20915, Eq. 10): empirical risk at most (n
   * + 1) / n epsilon - B / n. The theorem needs the loss of each sample to grow towards eager rows.
   */
  CRC("crc", Family.CRC, null),

  /**
   * The same on the running maximum of each sample's losses towards eager rows, for which the
   * theorem's condition always holds.
   */
  CRC_SAMPLEWISE("crc-samplewise", Family.CRC, null),

  /** Upper confidence bound below epsilon, from {@link Tail#BETTING}. */
  UCB_WSR("ucb-wsr", Family.UCB, Tail.BETTING),

  /** Upper confidence bound below epsilon, from {@link Tail#HOEFFDING_BENTKUS}. */
  UCB_HB("ucb-hb", Family.UCB, Tail.HOEFFDING_BENTKUS),

  /** Upper confidence bound below epsilon, from {@link Tail#HOEFFDING}. */
  UCB_HOEFFDING("ucb-hoeffding", Family.UCB, Tail.HOEFFDING),

  /** Upper confidence bound below epsilon, from {@link Tail#BINOMIAL}. */
  UCB_BINOMIAL("ucb-binomial", Family.UCB, Tail.BINOMIAL),

  /** Learn then Test with p-values from {@link Tail#HOEFFDING_BENTKUS}. */
  LTT_HB("ltt-hb", Family.LTT, Tail.HOEFFDING_BENTKUS),

  /** Learn then Test with p-values from {@link Tail#BINOMIAL}. */
  LTT_BINOMIAL("ltt-binomial", Family.LTT, Tail.BINOMIAL),

  /** Learn then Test with p-values from {@link Tail#BETTING}. */
  LTT_WSR("ltt-wsr", Family.LTT, Tail.BETTING);

  /** What the acceptance of a row rests on, and what it promises. */
  enum Family {
    /** Empirical risk. */
    NAIVE(Promise.NONE),

    /** Conformal Risk Control. */
    CRC(Promise.EXPECTATION),

    /**
     * Upper confidence bounds (RCPS, arXiv 2101.02703; arXiv 2405.20915, Eq. 12) of each row of the
     * unbroken run from never exit: a fixed sequence of tests, valid without monotone risk.
     */
    UCB(Promise.HIGH_PROBABILITY),

    /** Learn then Test (arXiv 2110.01052): p-values and an {@link Fwer} procedure. */
    LTT(Promise.HIGH_PROBABILITY);

    private final Promise promise;

    Family(Promise promise) {
      this.promise = promise;
    }
  }

  private final String id;
  private final Family family;
  private final Tail tail;

  Method(String id, Family family, Tail tail) {
    this.id = id;
    this.family = family;
    this.tail = tail;
  }

  /** The name used on the command line and in certificates. */
  @Override
  public String id() {
    return id;
  }

  /** What it promises; {@link Calibration#guarantee} says it in a sentence. */
  public Promise promise() {
    return family.promise;
  }

  /** Whether it tests hypotheses, so that an {@link Fwer} procedure applies. */
  public boolean tests() {
    return family == Family.LTT;
  }

  /**
   * Whether it bets on one loss after the other (arXiv 2010.09686), so that their order counts: it
   * must have nothing to do with the losses.
   */
  public boolean bets() {
    return tail == Tail.BETTING;
  }

  /**
   * Whether it counts the samples that have a loss, each of which must be the bound: other losses
   * above 0 are an error.
   */
  public boolean counts() {
    return tail == Tail.BINOMIAL;
  }

  Family family() {
    return family;
  }

  /** The bound or p-value it uses; null for {@link #NAIVE} and the CRCs. */
  Tail tail() {
    return tail;
  }

  /**
   * @throws CalibrationException if there is no method of this name
   */
  public static Method of(String id) {
    return Named.of("method", id, values());
  }
}
