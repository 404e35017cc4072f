/** The middle of `values`, of an even number the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const half = sorted.length / 2;
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  return (low + high) / 2;
}

/** The value that `share` (0 to 1) of `values` are below; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = ascending(values);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/**
 * The median of the ratios of each round. A slow minute of the machine slows both sides of its round, and leaves the ratio as
 * it is; a ratio of two medians would compare different minutes.
 */
export function medianOfRatios(these: readonly number[], those: readonly number[]): number {
  const ratios = these.map((value, round) => value / (those[round] ?? Number.NaN));
  return median(ratios.filter(Number.isFinite));
}

function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}
