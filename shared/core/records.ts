/** Constants that TypeScript and the kernels share: AssemblyScript compiles this file too, so plain numbers only. Bit layouts: docs/design/pack-layout.md. */

/** Hi plane (q4: the whole matrix), 8 rows × 32 columns: 128 bytes of nibbles, 8 bf16 scales. */
export const HI_RECORD_BYTES = 144
/** Lo plane: the nibbles alone. */
export const LO_RECORD_BYTES = 128
/** Quantised activations: 32 columns. */
export const X_RECORD_BYTES = 48
/** Positions of one KV page: smaller ones mean longer tables, larger ones more waste. */
export const KV_PAGE_POSITIONS = 16
/** A block of activations whose largest magnitude is below this is zeros: 127 over it would soon leave the range of f32. */
export const ZERO_BLOCK_BELOW = 1e-30
/** A memory's first page is the kernels' own while one runs, but for the first bytes: address 0 means "none". Arenas begin behind. */
export const KERNEL_SCRATCH_START = 1024
export const KERNEL_SCRATCH_BYTES = 64512
