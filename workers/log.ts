/** Which script a line is from. */
export type Worker = 'gateway' | 'engine' | 'autoscaler'

/** Says that something went wrong that nobody expected, or that somebody else will have to put right. */
export type LogError = (message: string, error: unknown) => void

/** Lines of JSON, one an event: the platform's logs and `isomoe dev`'s workers.log take them as they are. */
export function createLog(worker: Worker): LogError {
  return (message, error) => console.error(JSON.stringify({ time: new Date().toISOString(), level: 'error', worker, message, error: errorFields(error) }))
}

/** What a line says of an error: its stack goes here and nowhere else. An expected failure has a code; anything else is named by its type. */
export function errorFields(error: unknown): { readonly name: string; readonly message: string; readonly stack?: string } {
  if (error instanceof Error) return { name: error.name, message: error.message, ...(error.stack !== undefined && { stack: error.stack }) }
  if (typeof error === 'object' && error !== null && 'code' in error && 'message' in error) return { name: String(error.code), message: String(error.message) }
  return { name: typeof error, message: String(error) }
}
