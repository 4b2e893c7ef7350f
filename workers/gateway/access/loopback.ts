/**
 * Whether a request was made on this machine and by no foreign page: `isomoe dev` listens on 127.0.0.1 alone, but a browser there shows pages
 * of others. A page whose own name was pointed at 127.0.0.1 (DNS rebinding) has that name as Host; a page that calls across sites has an Origin.
 * Both the URL's host and the Host header are looked at: Miniflare takes the URL from a header that a page can set (`MF-Original-URL`).
 * @param origins more origins that may call, or `*`.
 * @returns what is wrong, null if nothing is. SPEC KY3.
 */
export function foreignReason(request: Request, origins: readonly string[]): string | null {
  if (!isLoopbackName(new URL(request.url).hostname) || !isLoopbackHost(request.headers.get('host'))) {
    return 'Without keys this server answers requests to 127.0.0.1, ::1 and localhost only.'
  }
  const origin = request.headers.get('origin')
  if (origin === null || isLoopbackOrigin(origin) || origins.includes('*') || origins.includes(origin)) return null
  return 'Without keys this server answers pages of this machine and of the origins in CORS_ORIGINS only.'
}

/** A request that was made inside the process has no Host header. */
function isLoopbackHost(host: string | null): boolean {
  return host === null || isLoopbackName(hostnameOf(`http://${host}`))
}

function isLoopbackOrigin(origin: string): boolean {
  return isLoopbackName(hostnameOf(origin))
}

function hostnameOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).hostname : null
}

/** URL parsing has brought addresses into their one form: a name that only begins like one is none. */
function isLoopbackName(hostname: string | null): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (hostname !== null && /^127\.\d+\.\d+\.\d+$/.test(hostname))
}
