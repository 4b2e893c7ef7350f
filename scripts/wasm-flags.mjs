/**
 * Flags of asc for everything that is compiled here, product and bench alike: what they differ in would be in every ratio.
 * -O1, not -O3: Binaryen's -O3 nests the dot chains and reorders the loads, so V8 spills (about 0.7 times the speed).
 * --initialMemory 1: in a memory that has a least size V8 leaves out one of the two bounds checks of a load.
 */
export const FLAGS = ['-O1', '--runtime', 'stub', '--importMemory', '--initialMemory', '1', '--noExportMemory', '--noAssert', '--enable', 'simd']
export const RELAXED_FLAGS = [...FLAGS, '--enable', 'relaxed-simd']
