import { KV_PAGE_POSITIONS } from '../../../shared/core/records.ts'

/**
 * One kv head's part of an int8 KV page, in one layer (kvHeadBytes of shared/core/kv-layout.ts):
 * keys    two panels of 8 positions; a panel has a vector for each pair of columns (c, c + 1): 8 positions × those two.
 * values  a panel for 8 columns, 128 bytes; it has a vector for each pair of positions (j, j + 1): 8 columns × those two.
 * scales  f32 [16] of the keys, f32 [16] of the values: real = code · scale.
 * So a lane of the dot of pairs is a position (keys) or a column (values), and nothing is summed across lanes.
 */
const PANEL_POSITIONS = 8
export const VALUE_PANEL_BYTES: usize = 128

@inline export function keyPanelBytes(headDim: i32): usize { return <usize>((headDim + 1) >> 1) << 4 }
@inline export function valuePanels(headDim: i32): i32 { return (headDim + 7) >> 3 }
@inline export function valuesOffset(headDim: i32): usize { return keyPanelBytes(headDim) * (KV_PAGE_POSITIONS / PANEL_POSITIONS) }
@inline export function keyScalesOffset(headDim: i32): usize { return valuesOffset(headDim) + <usize>valuePanels(headDim) * VALUE_PANEL_BYTES }
@inline export function valueScalesOffset(headDim: i32): usize { return keyScalesOffset(headDim) + KV_PAGE_POSITIONS * 4 }
@inline export function kvHeadBytes(headDim: i32): usize { return valueScalesOffset(headDim) + KV_PAGE_POSITIONS * 4 }
