/**
 * Units, as types and as constants. Time is integer microseconds everywhere inside the tank: a double holds them exactly
 * for 285 years, and no conversion can lose a tick. Only what people read is in milliseconds or seconds.
 */

/** Integer microseconds: a duration, or an instant since the run began. */
export type Micros = number;

/** Index of a node in its topology, from 0. */
export type NodeId = number;

export const millisecond: Micros = 1_000;
export const second: Micros = 1_000_000;
export const minute: Micros = 60 * second;
export const hour: Micros = 60 * minute;

export const kibibyte = 1_024;
export const mebibyte = 1_024 * kibibyte;
