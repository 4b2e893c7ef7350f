/** Sessions are opened anew after so many calls: the CPU budget of one session is not documented (docs/design/wire.md). Opening one is a billed request. */
export const CALLS_PER_SESSION = 2000
