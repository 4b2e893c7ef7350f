export declare const FLAGS: readonly string[]
export declare const RELAXED_FLAGS: readonly string[]
