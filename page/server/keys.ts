/** The reader's keys: for the API, and for /admin. Empty where there is none. */
export interface Keys {
  readonly api: string
  readonly admin: string
}

type KeyStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

const NAMES = { api: 'isomoe-api-key', admin: 'isomoe-admin-key' } as const

/** @param storage the tab's sessionStorage: keys go with the tab, and never into an address. SPEC LP6. */
export function readKeys(storage: KeyStorage): Keys {
  return { api: storage.getItem(NAMES.api) ?? '', admin: storage.getItem(NAMES.admin) ?? '' }
}

export function storeKeys(storage: KeyStorage, keys: Keys): void {
  for (const name of ['api', 'admin'] as const) {
    if (keys[name] === '') storage.removeItem(NAMES[name])
    else storage.setItem(NAMES[name], keys[name])
  }
}

/** A header of the platform takes no line breaks, and a pasted key often brings one. */
export function trimKeys({ api, admin }: Keys): Keys {
  return { api: api.trim(), admin: admin.trim() }
}

export function authorization(key: string): { readonly authorization?: string } {
  return key === '' ? {} : { authorization: `Bearer ${key}` }
}
