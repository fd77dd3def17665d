/**
 * Watches the risk of a model that is in use: an alarm for "the risk is or becomes larger than
 * promised", and bounds for the risk so far. Both hold at all times at once, however often they are
 * looked at, and ask neither for a number of losses fixed ahead nor for losses of one distribution.
 * Only losses come in; whoever measures them decides which samples they speak about. Objects are
 * not safe for use by several threads at once.
 */
package dev.offramp.calibrate.monitor;
