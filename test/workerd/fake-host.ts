import { DurableObject, RpcTarget } from 'cloudflare:workers'
import { FakeHost } from '../fixtures/fake-host.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { EngineControl } from '../../shared/protocol/autoscaler-api.ts'
import type { ExpertOrder, HostControl } from '../../shared/protocol/host-api.ts'

/** What a host holds is its isolate's; a binding tells which host it is. */
abstract class FakeExpert extends DurableObject implements HostControl {
  protected abstract readonly host: FakeHost
  private get control(): HostControl {
    return this.host.control(async (action) => action())
  }

  load(order: ExpertOrder) {
    return this.control.load(order, null)
  }

  probe(order: ExpertOrder) {
    return this.control.probe(order)
  }

  drain(order: ExpertOrder) {
    return this.control.drain(order)
  }

  drop(order: ExpertOrder) {
    return this.control.drop(order)
  }

  source(order: ExpertOrder) {
    return this.control.source(order)
  }

  inventory() {
    return this.control.inventory()
  }
}

export const fakeHosts = Array.from({ length: 3 }, (_, i) => new FakeHost(`isolate-${i}`, 1000))

export class FakeExpert00 extends FakeExpert {
  protected readonly host = fakeHosts[0]!
}

export class FakeExpert01 extends FakeExpert {
  protected readonly host = fakeHosts[1]!
}

export class FakeExpert02 extends FakeExpert {
  protected readonly host = fakeHosts[2]!
}

/** Tables that the engine was given, and who waits in `drained`. */
export const adopted: Placement[] = []

class Control extends RpcTarget implements EngineControl {
  async adopt(placement: Placement): Promise<void> {
    adopted.push(placement)
  }

  async drained(epoch: number): Promise<void> {
    if ((adopted.at(-1)?.epoch ?? 0) < epoch) throw new Error(`epoch ${epoch} was never adopted`)
  }
}

/** An object that joins as an engine does: its control is a stub that outlives the call. */
export class FakeEngine extends DurableObject<{ readonly AUTOSCALER: DurableObjectNamespace<import('../../workers/autoscaler/autoscaler.ts').Autoscaler> }> {
  async join(autoscaler: string): Promise<number> {
    const joined = await this.env.AUTOSCALER.getByName(autoscaler).join('engine-0', 'engine-isolate', new Control())
    if (!joined.ok) throw new Error(joined.error.message)
    return joined.value.placement.epoch
  }
}
