import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunWrangler, WranglerEnd } from '../../wrangler.ts'

interface Config {
  readonly name: string
  readonly vars?: Readonly<Record<string, string>>
  readonly durable_objects?: { readonly bindings: readonly { readonly name: string; readonly script_name?: string }[] }
  readonly workers_dev?: boolean
}

const ok = (said = ''): WranglerEnd => ({ code: 0, said })
const refused = (said: string): WranglerEnd => ({ code: 1, said: `✘ [ERROR] ${said}` })

/** An account behind wrangler's commands: it refuses bindings to what is not there, as Cloudflare does, and deletes by force whatever it is told. */
export class FakeAccount {
  readonly scripts = new Map<string, Config>()
  readonly secrets = new Map<string, Record<string, string>>()
  /** What was asked, without paths. */
  readonly asked: string[] = []
  /** Fails before it has done anything. */
  fails: (line: string) => boolean = () => false
  /** What wrangler makes of every script. */
  bundle: Uint8Array = Buffer.from('export default {}')
  /** Called when a command has been done. */
  onDone: () => void = () => undefined

  readonly wrangler: RunWrangler = async (args, input = '') => {
    const option = (name: string) => args[args.indexOf(name) + 1]!
    const config = args.includes('--config') ? (JSON.parse(readFileSync(option('--config'), 'utf8')) as Config) : null
    const name = config?.name ?? option('--name')
    const verb = args.includes('--dry-run') ? 'dry-run' : args.slice(0, args[0] === 'secret' ? 2 : 1).join(' ')
    this.asked.push(`${verb} ${name}`)
    if (this.fails(`${verb} ${name}`)) return refused('A request to the Cloudflare API failed.')
    const end = this.#do(verb, name, config, input, option('--outdir'))
    if (end.code === 0) this.onDone()
    return end
  }

  /** Bindings to scripts that are not there. */
  orphans(): string[] {
    return [...this.scripts.values()].flatMap((script) => bindsOf(script).filter((bound) => !this.scripts.has(bound)))
  }

  #do(verb: string, name: string, config: Config | null, input: string, outdir: string): WranglerEnd {
    const secrets = this.secrets.get(name) ?? {}
    switch (verb) {
      case 'dry-run':
        mkdirSync(outdir, { recursive: true })
        writeFileSync(join(outdir, 'index.js'), this.bundle)
        writeFileSync(join(outdir, 'index.js.map'), '0'.repeat(1000))
        return ok()
      case 'deploy': {
        const missing = bindsOf(config!).find((bound) => !this.scripts.has(bound))
        if (missing) return refused(`Cannot create binding for class in script '${missing}' that does not exist. [code: 10061]`)
        this.scripts.set(name, config!)
        return ok(config!.workers_dev ? `Deployed ${name} triggers\n  https://${name}.someone.workers.dev\n` : `Uploaded ${name}\nNo targets deployed`)
      }
      case 'delete':
        this.secrets.delete(name)
        return this.scripts.delete(name) ? ok() : refused('This Worker does not exist on your account. [code: 10007]')
      case 'secret bulk':
        if (!this.scripts.has(name)) return refused('[code: 10007]')
        this.secrets.set(name, { ...secrets, ...(JSON.parse(input) as Record<string, string>) })
        return ok('✨ Finished processing secrets file')
      case 'secret list':
        if (!this.scripts.has(name)) return refused(`Worker "${name}" not found.`)
        return ok(JSON.stringify(Object.keys(secrets).map((secret) => ({ name: secret, type: 'secret_text' }))))
      default:
        throw new Error(`wrangler has no ${verb} here`)
    }
  }
}

function bindsOf({ durable_objects: objects }: Config): string[] {
  return (objects?.bindings ?? []).flatMap(({ script_name }) => (script_name === undefined ? [] : [script_name]))
}
