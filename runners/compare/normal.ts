/** The normal distribution, both ways round. */
import { studentQuantile } from "./student.ts";

/** The z that a share `p` lies below. */
export function normalQuantile(p: number): number {
  return p === 0.5 ? 0 : studentQuantile(p, Infinity);
}

/** Share below `z`, to about 1e-15. */
export function normalBelow(z: number): number {
  if (z > 8.5) return 1;
  if (z < -8.5) return 0;
  if (Math.abs(z) > 5) return z > 0 ? 1 - tail(z) : tail(-z);
  // Phi(z) = 1/2 + phi(z) (z + z^3/3 + z^5/(3 5) + ...), Marsaglia, "Evaluating the Normal Distribution", 2004.
  let sum = z;
  let term = z;
  for (let i = 3; Math.abs(term) > 1e-17 * Math.abs(sum) && i < 400; i += 2) sum += term *= (z * z) / i;
  return 0.5 + sum * Math.exp(-0.5 * z * z - Math.log(Math.sqrt(2 * Math.PI)));
}

/** Share above z > 5, by the continued fraction of Mills' ratio. */
function tail(z: number): number {
  let ratio = z;
  for (let i = 40; i > 0; i--) ratio = z + i / ratio;
  return Math.exp(-0.5 * z * z - Math.log(Math.sqrt(2 * Math.PI))) / ratio;
}
