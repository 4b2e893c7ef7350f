/** Where the journal of a measured engine goes: nowhere, to the disk, or to the disk with every message of the object waiting for it. */
export type StoreKind = 'none' | 'unconfirmed' | 'confirmed'
