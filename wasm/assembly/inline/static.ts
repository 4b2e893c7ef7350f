/**
 * Types that stand for numbers: when AssemblyScript compiles a generic function it knows the size of a type, but not the value of an
 * argument, and a condition on it costs nothing.
 */

/** How many planes a weight has. */
export type Q4 = u8
export type Q8 = u16
@inline export function isNested<W>(): bool { return sizeof<W>() == sizeof<Q8>() }

/** How many tokens a tile has. */
export type OneToken = u8
export type TwoTokens = u16
export type ThreeTokens = u32
export type FourTokens = u64
@inline export function hasSecond<T>(): bool { return sizeof<T>() >= sizeof<TwoTokens>() }
@inline export function hasFourth<T>(): bool { return sizeof<T>() >= sizeof<FourTokens>() }
